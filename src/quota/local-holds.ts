/**
 * Holds of one process, for as long as Redis cannot keep them: what this process admits meanwhile counts for what it admits
 * next. When Redis is back they move there.
 */
import type { EntityName, ProjectName, Subject } from '../domain/ids.js';
import { holdNanos } from '../domain/money.js';
import type { Held, Holds } from '../domain/quota-rules.js';
import type { KeptHold } from './redis-quota.js';

/** About 300 bytes each. What comes beyond is not admitted. */
const HOLDS_MAX = 100_000;
/** Looking for holds whose time is up goes through all of an entity, so not more often than this. */
const PRUNE_MS = 1_000;

class HoldsOfEntity {
  readonly byId = new Map<string, KeptHold>();
  prunedMs = 0;
  all: Held = NOTHING;
  private readonly byProject = new Map<ProjectName, Held>();

  of(project: ProjectName): Held {
    return this.byProject.get(project) ?? NOTHING;
  }

  put(hold: KeptHold): void {
    this.end(hold.id);
    this.byId.set(hold.id, hold);
    this.add(hold, 1);
  }

  end(id: string): void {
    const hold = this.byId.get(id);
    if (hold !== undefined) this.add(hold, -1);
    this.byId.delete(id);
  }

  private add({ project, holdPicos }: KeptHold, sign: 1 | -1): void {
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

  /** Looks at all entities then: those that nobody asks about any more have their holds still. */
  isFull(nowMs: number): boolean {
    if (this.count < HOLDS_MAX) return false;
    for (const entity of this.entities.keys()) this.prune(entity, nowMs);
    return this.count >= HOLDS_MAX;
  }

  /** Null also where its time is up. */
  find(entity: EntityName, id: string, nowMs: number): KeptHold | null {
    const hold = this.entities.get(entity)?.byId.get(id);
    if (hold === undefined || hold.expiresMs > nowMs) return hold ?? null;
    this.end(entity, id);
    return null;
  }

  /** Puts the hold in place of the one with its id. */
  put(entity: EntityName, hold: KeptHold): void {
    this.end(entity, hold.id);
    const known = this.entities.get(entity) ?? new HoldsOfEntity();
    this.entities.set(entity, known);
    known.put(hold);
    this.count += 1;
  }

  end(entity: EntityName, id: string): void {
    const known = this.entities.get(entity);
    if (known === undefined || !known.byId.has(id)) return;
    known.end(id);
    this.count -= 1;
    if (known.byId.size === 0) this.entities.delete(entity);
  }

  held({ entity, project }: Subject, nowMs: number): Holds {
    this.prune(entity, nowMs);
    const known = this.entities.get(entity);
    return { entity: known?.all ?? NOTHING, project: known?.of(project) ?? NOTHING };
  }

  isEmpty(entity: EntityName): boolean {
    return !this.entities.has(entity);
  }

  all(entity: EntityName): readonly KeptHold[] {
    return [...(this.entities.get(entity)?.byId.values() ?? [])];
  }

  private prune(entity: EntityName, nowMs: number): void {
    const known = this.entities.get(entity);
    if (known === undefined || Math.abs(nowMs - known.prunedMs) < PRUNE_MS) return;
    known.prunedMs = nowMs;
    for (const { id, expiresMs } of known.byId.values()) if (expiresMs <= nowMs) this.end(entity, id);
  }
}
