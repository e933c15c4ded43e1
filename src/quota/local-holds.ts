/**
 * The holds of this process while Redis is unavailable: each request that it admits counts against the next ones. Once Redis
 * answers again, they move there.
 */
import type { EntityName, ProjectName, Subject } from '../domain/ids.js';
import { holdNanos } from '../domain/money.js';
import type { Held, Holds } from '../domain/quota-limits.js';
import type { Hold } from './reservation.js';

/** About 300 bytes each. Beyond them nothing is admitted. */
const HOLDS_MAX = 100_000;
/** How long the id of an ended hold stays used, as in Redis, and of how many. */
const ENDED_MS = 900_000;
const ENDED_MAX = 100_000;
/** How often an entity's expired holds are looked for, because that goes through all its holds. */
const EXPIRE_EVERY_MS = 1_000;

/** A hold that was released or has expired here, which Redis has not been told yet. */
export type EndedHold = { readonly id: string; readonly isReleased: boolean; readonly endedMs: number };

class HoldsOfEntity {
  readonly byId = new Map<string, Hold>();
  /** Oldest first. */
  readonly ended = new Map<string, EndedHold>();
  checkedMs = 0;
  all: Held = NOTHING;
  private readonly byProject = new Map<ProjectName, Held>();

  of(project: ProjectName): Held {
    return this.byProject.get(project) ?? NOTHING;
  }

  put(hold: Hold): void {
    this.end(hold.id);
    this.byId.set(hold.id, hold);
    this.add(hold, 1);
  }

  end(id: string): void {
    const hold = this.byId.get(id);
    if (hold !== undefined) this.add(hold, -1);
    this.byId.delete(id);
  }

  private add({ subject: { project }, holdPicos }: Hold, sign: 1 | -1): void {
    const change = { nanos: sign * holdNanos(holdPicos), count: sign };
    this.all = sumOf(this.all, change);
    this.byProject.set(project, sumOf(this.of(project), change));
  }
}

const NOTHING: Held = { nanos: 0, count: 0 };

function sumOf(a: Held, b: Held): Held {
  return { nanos: a.nanos + b.nanos, count: a.count + b.count };
}

export class LocalHolds {
  private readonly entities = new Map<EntityName, HoldsOfEntity>();
  private count = 0;
  private endedCount = 0;

  get size(): number {
    return this.count;
  }

  /** Ends all expired holds first, also those of entities that nobody asks about any more. */
  isFull(nowMs: number): boolean {
    if (this.count < HOLDS_MAX) return false;
    for (const entity of this.entities.keys()) this.expire(entity, nowMs);
    return this.count >= HOLDS_MAX;
  }

  /** Null also where it has expired. */
  find(entity: EntityName, id: string, nowMs: number): Hold | null {
    const hold = this.entities.get(entity)?.byId.get(id);
    if (hold === undefined || hold.expiresMs > nowMs) return hold ?? null;
    this.end(entity, { id, isReleased: false, endedMs: nowMs });
    return null;
  }

  /** Whether the id was used for a hold that has ended. */
  hasEnded(entity: EntityName, id: string, nowMs: number): boolean {
    const ended = this.entities.get(entity)?.ended.get(id);
    return ended !== undefined && nowMs - ended.endedMs < ENDED_MS;
  }

  /** Replaces the hold with the same id. */
  put(hold: Hold): void {
    const { entity } = hold.subject;
    this.remove(entity, hold.id);
    const known = this.entities.get(entity) ?? new HoldsOfEntity();
    this.entities.set(entity, known);
    known.put(hold);
    this.count += 1;
  }

  /** Without a trace, for Redis knows of it. */
  remove(entity: EntityName, id: string): void {
    const known = this.entities.get(entity);
    if (known === undefined || !known.byId.has(id)) return;
    known.end(id);
    this.count -= 1;
    this.drop(entity, known);
  }

  /** From now on the id is used, whether it held something here or not. */
  end(entity: EntityName, ended: EndedHold): void {
    this.remove(entity, ended.id);
    if (this.endedCount >= ENDED_MAX) return;
    const known = this.entities.get(entity) ?? new HoldsOfEntity();
    this.entities.set(entity, known);
    if (!known.ended.has(ended.id)) this.endedCount += 1;
    known.ended.set(ended.id, ended);
  }

  /** Redis knows by now that these have ended. */
  forget(entity: EntityName, ended: readonly EndedHold[]): void {
    const known = this.entities.get(entity);
    if (known === undefined) return;
    for (const { id } of ended) if (known.ended.delete(id)) this.endedCount -= 1;
    this.drop(entity, known);
  }

  private drop(entity: EntityName, known: HoldsOfEntity): void {
    if (known.byId.size === 0 && known.ended.size === 0) this.entities.delete(entity);
  }

  held({ entity, project }: Subject, nowMs: number): Holds {
    this.expire(entity, nowMs);
    const known = this.entities.get(entity);
    return { entity: known?.all ?? NOTHING, project: known?.of(project) ?? NOTHING };
  }

  isEmpty(entity: EntityName): boolean {
    return !this.entities.has(entity);
  }

  all(entity: EntityName): { readonly holds: readonly Hold[]; readonly ended: readonly EndedHold[] } {
    const known = this.entities.get(entity);
    return { holds: [...(known?.byId.values() ?? [])], ended: [...(known?.ended.values() ?? [])] };
  }

  private expire(entity: EntityName, nowMs: number): void {
    const known = this.entities.get(entity);
    if (known === undefined || Math.abs(nowMs - known.checkedMs) < EXPIRE_EVERY_MS) return;
    known.checkedMs = nowMs;
    for (const { id, expiresMs } of known.byId.values())
      if (expiresMs <= nowMs) this.end(entity, { id, isReleased: false, endedMs: nowMs });
    this.forget(
      entity,
      [...known.ended.values()].filter(({ endedMs }) => nowMs - endedMs >= ENDED_MS),
    );
  }
}
