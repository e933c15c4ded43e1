/** What the database said of a batch when it was opened: which events are new, which say what was counted before, and which wait. Pure. */
import type { GrantLeft } from '../credits/grants.js';
import type { Grant } from '../domain/burn-order.js';
import { contentOf, fingerprintOf, type UsageEvent } from '../domain/usage.js';
import type { BatchedEvent, UsageBatch } from './usage-batch.js';
import { eventFromJson } from './event-json.js';
import type { OpenedJson } from './usage-batch.sql.js';
import type { Conflict } from './usage-conflicts.sql.js';

export type SortedBatch = {
  /** Events that are new. Their identities are claimed by this transaction. */
  readonly claimed: readonly BatchedEvent[];
  readonly conflicts: readonly Conflict[];
  /** Events that say what was counted already, or what was counted and dropped with its month. */
  readonly duplicates: readonly UsageEvent[];
  /** Of entities that another transaction has locked: nothing of them was touched. */
  readonly setAside: readonly UsageEvent[];
  /** Of entities that do not exist yet: likewise. */
  readonly ofUnknown: readonly UsageEvent[];
};

export function sortBatch({ entities, events, repeated }: UsageBatch, opened: OpenedJson): SortedBatch {
  const unknown = new Set(opened.unknown);
  const taken = new Map<string, CountedEvent | null>(
    opened.taken.map(({ identity, event }) => [identity, event === null ? null : eventFromJson(event)]),
  );
  const sorted = {
    claimed: [] as BatchedEvent[],
    conflicts: [] as Conflict[],
    duplicates: [] as UsageEvent[],
    setAside: [] as UsageEvent[],
    ofUnknown: [] as UsageEvent[],
  };
  const waits = (event: UsageEvent, entityNo: number): boolean => {
    if (opened.locked[entityNo] === true) return false;
    (unknown.has(entities[entityNo]!) ? sorted.ofUnknown : sorted.setAside).push(event);
    return true;
  };
  /** A null original was dropped with its month: only the fact that it was counted is known. */
  const compare = (event: UsageEvent, identity: string, original: CountedEvent | null): void => {
    if (original === null || isRepetition(event, original)) sorted.duplicates.push(event);
    else sorted.conflicts.push(conflictOf(event, identity, original));
  };
  for (const batched of events) {
    if (waits(batched.event, batched.entityNo)) continue;
    const original = taken.size === 0 ? undefined : taken.get(batched.identity);
    if (original === undefined) sorted.claimed.push(batched);
    else compare(batched.event, batched.identity, original);
  }
  for (const { event, first } of repeated) {
    if (!waits(event, first.entityNo))
      compare(event, first.identity, taken.has(first.identity) ? taken.get(first.identity)! : first.event);
  }
  return sorted;
}

/** A person who was erased from the counted event may still be named by its repetition. */
function isRepetition(event: UsageEvent, { erased = false, ...original }: CountedEvent): boolean {
  const seen = erased ? { ...event, userId: null, requestId: null, tags: null, rawUsage: null } : event;
  return contentOf(seen) === contentOf(original);
}

function conflictOf(event: UsageEvent, identity: string, original: UsageEvent): Conflict {
  return { event, identity, fingerprint: fingerprintOf(event), originalOccurredAt: original.occurredAt };
}

type CountedEvent = UsageEvent & { readonly erased?: boolean };

export function lotsOf({ lots }: OpenedJson): GrantLeft[] {
  return lots.map(
    ([entity, id, lot, category, priority, fromMs, untilMs, createdMs, allowance, remaining]) => ({
      entity,
      id,
      lot,
      category: category as Grant['category'],
      priority,
      effectiveAt: new Date(fromMs),
      expiresAt: untilMs === null ? null : new Date(untilMs),
      createdAt: new Date(createdMs),
      allowancePeriod: allowance,
      remainingPicos: BigInt(remaining),
    }),
  );
}
