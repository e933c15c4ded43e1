/** Keeps Redis' copy of the quota states up to date: publishes them after each commit, and loads those that Redis lacks. */
import { entityOfReservation, formatSubject, type EntityName, type Subject } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-limits.js';
import type { Allowances } from '../credits/allowances.js';
import type { Clock } from '../platform/clock.js';
import type { Database } from '../platform/database.js';
import type { RedisNodes } from '../platform/redis-nodes.js';
import { CallsInFlight } from './calls-in-flight.js';
import { PublicationRetries } from './publication-retries.js';
import type { QuotaSubject } from './quota-state.sql.js';
import type { RedisQuota } from './redis-quota.js';
import { NotPublished } from './state-publication.js';
import { StateLoader } from './state-loader.js';

export class StateCache {
  private readonly loader: StateLoader;
  private readonly warming = new CallsInFlight<string, boolean>();
  /** What is committed but could not be published. */
  readonly retries = new PublicationRetries((subjects) => this.publish(subjects, []));

  constructor(
    private readonly redisQuota: RedisQuota,
    redis: RedisNodes,
    database: Database,
    private readonly clock: Clock,
    allowances: Allowances,
  ) {
    this.loader = new StateLoader(database, clock, allowances);
    redis.onReady(() => void this.retries.retryAll());
  }

  /** The state as Postgres has it; null while Postgres is unavailable. */
  async load(subject: Subject, at: Date): Promise<QuotaState | null> {
    return this.loader.load(subject, at);
  }

  /** Loads a state into Redis, once for all who wait for it; false while Postgres is unavailable. */
  async warm(subject: Subject, at: Date): Promise<boolean> {
    // Not with the one that finds out whether Postgres answers again.
    if (this.loader.isUnavailable()) return false;
    return this.warming.share(formatSubject(subject), () => this.loadAndPublish(subject, at));
  }

  private async loadAndPublish(subject: Subject, at: Date): Promise<boolean> {
    const state = await this.loader.load(subject, at);
    if (state === null) return false;
    const isStored = await this.storeLoaded(subject, state, at);
    return isStored && (state.isCreated || this.confirm(subject, state, at));
  }

  private async storeLoaded(subject: Subject, state: QuotaState, at: Date): Promise<boolean> {
    return this.store([onlyWith(subject, state)], [], async () => {
      const again = await this.loader.load(subject, at);
      return again && [onlyWith(subject, again)];
    });
  }

  /**
   * A change of the default plan looks in Redis for unknown entities. It may have looked before this state, which
   * has the old plan, arrived there. Now the state is there: this reads every earlier change, and a later change finds the state.
   */
  private async confirm(subject: Subject, { version }: QuotaState, at: Date): Promise<boolean> {
    const state = await this.loader.load(subject, at);
    if (state === null) return false;
    return state.version === version || this.storeLoaded(subject, state, at);
  }

  /**
   * A state in Redis was committed before it got there. If a state that is read from Postgres after that is older, the database
   * was set back: restored from a backup, or replaced by a standby that lacks the last commits. So states for which Redis has
   * later ones are read once more, and then replace those. False where Postgres became unavailable meanwhile.
   */
  private async store(
    states: readonly QuotaState[],
    endedReservationIds: readonly string[],
    readAgain: (entities: ReadonlySet<EntityName>) => Promise<readonly QuotaState[] | null>,
  ): Promise<boolean> {
    const later = await this.redisQuota.publish(states, byEntity(endedReservationIds));
    if (later.size === 0) return true;
    const again = await readAgain(new Set(later.keys()));
    if (again === null) return false;
    await this.redisQuota.publish(again, new Map(), later);
    return true;
  }

  /** Loads the states in one statement and publishes them. While Postgres is unavailable it throws, and keeps the subjects for a retry. */
  async publish(subjects: readonly QuotaSubject[], endedReservationIds: readonly string[]): Promise<void> {
    if (subjects.length === 0) return;
    await this.publishStates(await this.loadAll(subjects), endedReservationIds);
  }

  /** States of what is committed, read in its transaction. While Redis is unavailable it throws, and keeps their subjects for a retry. */
  async publishStates(states: readonly QuotaState[], endedReservationIds: readonly string[]): Promise<void> {
    const subjects = states.flatMap(subjectsOf);
    try {
      await this.store(states, endedReservationIds, (entities) =>
        this.loadAll(subjects.filter(({ entity }) => entities.has(entity))),
      );
    } catch (error) {
      const isFailed = (entity: EntityName) =>
        error instanceof NotPublished ? error.entities.has(entity) : true;
      this.retries.keep(subjects.filter(({ entity }) => isFailed(entity)));
      throw error;
    }
  }

  private async loadAll(subjects: readonly QuotaSubject[]): Promise<QuotaState[]> {
    try {
      return await this.loader.loadDue({ subjects, at: this.clock.now() });
    } catch (error) {
      this.retries.keep(subjects);
      throw error;
    }
  }
}

/**
 * What must be loaded to replace the state. Its projects are named although it has every limit: a later state may be one that has not,
 * where what changed here belongs into the keys of the projects.
 */
function subjectsOf({ entity, projects }: QuotaState): QuotaSubject[] {
  if (projects.length === 0) return [{ entity, project: null }];
  return projects.map(({ project }) => ({ entity, project }));
}

/** A state is loaded with the projects of all who wait. Where projects have keys, each of them stores its own. */
function onlyWith({ project }: Subject, state: QuotaState): QuotaState {
  if (state.hasEveryLimit) return state;
  return { ...state, projects: state.projects.filter((known) => known.project === project) };
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
