/** Keeps Redis' copy of the quota states up to date: published after each commit, loaded where Redis has none to decide by. */
import type { Redis } from 'ioredis';
import { entityOfReservation, formatSubject, type EntityName, type Subject } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-rules.js';
import type { Clock } from '../platform/clock.js';
import { isOutage } from '../platform/outage.js';
import type { Allowances } from '../credits/allowances.js';
import type { Database } from '../platform/database.js';
import type { QuotaSubject } from './quota-state.sql.js';
import { RedisAway } from './redis-gate.js';
import type { RedisQuota } from './redis-quota.js';
import { StateLoads } from './state-loads.js';

/** How many entities' failed publications are remembered. The age of a state bounds what a forgotten one can do. */
const UNPUBLISHED_MAX = 10_000;

export class StateCache {
  private readonly loads: StateLoads;
  private readonly warming = new Map<string, Promise<boolean>>();
  private readonly catchingUp = new Map<string, Promise<boolean>>();
  /** What is committed but could not be published: projects by entity, null for the entity alone. */
  private readonly unpublished = new Map<EntityName, readonly QuotaSubject[]>();

  constructor(
    private readonly quota: RedisQuota,
    redis: Redis,
    database: Database,
    private readonly clock: Clock,
    allowances: Allowances,
  ) {
    this.loads = new StateLoads(database, clock, allowances);
    redis.on('ready', () => void this.catchUpAll());
  }

  /** The state as Postgres has it; null while Postgres is away. */
  async load(subject: Subject, at: Date): Promise<QuotaState | null> {
    return this.loads.load(subject, at);
  }

  /** Loads a state into Redis, once for all who wait for it; false while Postgres is away. */
  async warm(subject: Subject, at: Date): Promise<boolean> {
    return shared(this.warming, formatSubject(subject), () => this.loadAndPublish(subject, at));
  }

  private async loadAndPublish(subject: Subject, at: Date): Promise<boolean> {
    const state = await this.loads.load(subject, at);
    if (state === null) return false;
    const isPut = await this.putLoaded(subject, state, at);
    return isPut && (state.isCreated || this.confirm(subject, state, at));
  }

  private async putLoaded(subject: Subject, state: QuotaState, at: Date): Promise<boolean> {
    return this.put([onlyWith(subject, state)], [], async () => {
      const again = await this.loads.load(subject, at);
      return again && [onlyWith(subject, again)];
    });
  }

  /**
   * Whoever changes the default plan looks in Redis for the entities that nobody created, and may have looked there before this
   * state arrived, with the plan as it was. By now it is there: what is committed later finds it, and what was before is read here.
   */
  private async confirm(subject: Subject, { version }: QuotaState, at: Date): Promise<boolean> {
    const state = await this.loads.load(subject, at);
    if (state === null) return false;
    return state.version === version || this.putLoaded(subject, state, at);
  }

  /**
   * What is in Redis was committed before: a state that is read after a later one was seen there can only be older where the
   * database was set back, restored from a backup or replaced by a standby that had not heard the last commits. So states that
   * come too late are read once more, and then replace what was seen. False where Postgres went away meanwhile.
   */
  private async put(
    states: readonly QuotaState[],
    endedReservationIds: readonly string[],
    readAgain: (entities: ReadonlySet<EntityName>) => Promise<readonly QuotaState[] | null>,
  ): Promise<boolean> {
    const later = await this.quota.publish(states, byEntity(endedReservationIds));
    if (later.size === 0) return true;
    const again = await readAgain(new Set(later.keys()));
    if (again === null) return false;
    await this.quota.publish(again, new Map(), later);
    return true;
  }

  /** One statement for all states, then one script for each entity. Throws while Postgres or Redis is away, and remembers. */
  async publish(subjects: readonly QuotaSubject[], endedReservationIds: readonly string[]): Promise<void> {
    if (subjects.length === 0) return;
    try {
      const read = (of: readonly QuotaSubject[]) => this.loads.due({ subjects: of, at: this.clock.now() });
      await this.put(await read(subjects), endedReservationIds, (entities) =>
        read(subjects.filter(({ entity }) => entities.has(entity))),
      );
    } catch (error) {
      this.remember(subjects);
      throw error;
    }
  }

  isCaughtUp(entity: EntityName): boolean {
    return !this.unpublished.has(entity);
  }

  /** Publishes what could not be published before. False where Postgres cannot tell it, so that Redis stays behind. */
  async catchUp(entity: EntityName): Promise<boolean> {
    const subjects = this.unpublished.get(entity);
    if (subjects === undefined) return true;
    return shared(this.catchingUp, entity, () => this.publishAgain(entity, subjects));
  }

  private async publishAgain(entity: EntityName, subjects: readonly QuotaSubject[]): Promise<boolean> {
    try {
      await this.publish(subjects, []);
    } catch (error) {
      if (error instanceof RedisAway || !isOutage(error)) throw error;
      return false;
    }
    // What failed meanwhile has made another list.
    if (this.unpublished.get(entity) === subjects) this.unpublished.delete(entity);
    return true;
  }

  private async catchUpAll(): Promise<void> {
    // What fails again stays remembered.
    for (const entity of Array.from(this.unpublished.keys())) await this.catchUp(entity).catch(() => false);
  }

  private remember(subjects: readonly QuotaSubject[]): void {
    for (const subject of subjects) {
      const known = this.unpublished.get(subject.entity) ?? [];
      if (known.length === 0 && this.unpublished.size >= UNPUBLISHED_MAX) return;
      // Another list also where the subject is known: a publication that is on its way may have read what was before.
      const others = known.filter(({ project }) => project !== subject.project);
      this.unpublished.set(subject.entity, [...others, { entity: subject.entity, project: subject.project }]);
    }
  }
}

/** States are loaded for many who wait; each puts its own project in place. */
function onlyWith({ project }: Subject, state: QuotaState): QuotaState {
  return { ...state, projects: state.projects.filter((known) => known.project === project) };
}

/** The call that runs for this key, or a new one. */
function shared<T>(running: Map<string, Promise<T>>, key: string, start: () => Promise<T>): Promise<T> {
  const known = running.get(key);
  if (known !== undefined) return known;
  const started = start().finally(() => running.delete(key));
  running.set(key, started);
  return started;
}

function byEntity(reservationIds: readonly string[]): Map<EntityName, string[]> {
  const ids = new Map<EntityName, string[]>();
  for (const id of new Set(reservationIds)) {
    const entity = entityOfReservation(id);
    if (entity === null) continue;
    const known = ids.get(entity);
    if (known === undefined) ids.set(entity, [id]);
    else known.push(id);
  }
  return ids;
}
