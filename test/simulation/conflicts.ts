/** Conflicts in the model, and the admin who deals with all of a filter at once: they are counted after all, or reviewed, as one job. */
import assert from 'node:assert/strict';
import { SECOND_MS } from './calendar.js';
import { keyOf, type Facts } from './facts.js';
import type { Sql } from './invariants.js';
import type { Model } from './model.js';
import type { Random } from './random.js';

export type Conflict = {
  readonly facts: Facts;
  status: 'open' | 'reviewed' | 'counted';
  /** When it came last. */
  seenMs: number;
  /** Null where it names nobody, or nobody any more. */
  userId: string | null;
};

export type ConflictChange = {
  readonly what: 'count conflicts' | 'review conflicts';
  readonly status: 'open' | 'reviewed';
  readonly entity: string | null;
  readonly project: string | null;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly limit: number | null;
  /** No other change has it. */
  readonly note: string;
};

/** What Tally has dealt with, in its order. */
export type Resolved = { readonly said: string; readonly countedAs: string | null };

export function isOfConflicts(change: { what: string }): change is ConflictChange {
  return change.what === 'count conflicts' || change.what === 'review conflicts';
}

/** A conflict as one text: its identity and its other content. */
export function saidBy(facts: Facts): string {
  return `${keyOf(facts)} ${facts.entity} ${facts.model} ${facts.input} ${facts.output}`;
}

/** The same of a row of `usage_conflicts`. */
export const SAID = `concat_ws(' ', c.source, c.event_id, c.entity, c.other_content ->> 'model',
  coalesce(c.other_content -> 'quantities' ->> 'input', '0'),
  coalesce((c.other_content -> 'quantities' ->> 'output')::bigint, 0) + coalesce((c.other_content -> 'quantities' ->> 'reasoning')::bigint, 0))`;

/** Null where there are no conflicts. Over faults nobody knows in which order they came, so all of a customer are dealt with. */
export function conflictChange(
  random: Random,
  model: Model,
  { nowMs, isExact, note }: { nowMs: number; isExact: boolean; note: string },
): ConflictChange | null {
  const all = [...model.conflicts.values()];
  if (all.length === 0) return null;
  const { facts, seenMs } = random.pick(all);
  const what = random.pick(['count conflicts', 'count conflicts', 'review conflicts'] as const);
  const entity = random.chance(0.6) ? facts.entity : null;
  const toMs = random.chance(0.2) ? seenMs : nowMs + SECOND_MS;
  const froms = all.map((conflict) => conflict.seenMs).filter((ms) => ms < toMs);
  return {
    what,
    status: what === 'count conflicts' ? random.pick(['open', 'open', 'reviewed']) : 'open',
    entity,
    project: entity !== null && random.chance(0.3) ? facts.project : null,
    fromMs: isExact && froms.length > 0 && random.chance(0.2) ? random.pick(froms) : null,
    // Tally's own bound is the time of Postgres, which no test sets.
    toMs: isExact ? toMs : null,
    limit: isExact && random.chance(0.3) ? random.int(1, 4) : null,
    note,
  };
}

export function conflictRequest(change: ConflictChange): { request: string; body: unknown } {
  const { what, status, entity, project, fromMs, toMs, limit, note } = change;
  const isCount = what === 'count conflicts';
  return {
    request: `POST /v1/admin/usage_conflicts/${isCount ? 'count' : 'review'}`,
    body: {
      note,
      ...(isCount && { status }),
      ...(entity !== null && (project === null ? { entity } : { subject: `${entity}/${project}` })),
      ...(fromMs !== null && { start_time: new Date(fromMs).toISOString() }),
      ...(toMs !== null && { end_time: new Date(toMs).toISOString() }),
      ...(limit !== null && { limit }),
    },
  };
}

/** What the job answers, and its preview before it. */
export function resolving(change: ConflictChange, model: Model): object {
  const matching = matchingOf(change, model).length;
  const answered = Math.min(matching, change.limit ?? matching);
  const status = change.what === 'count conflicts' ? 'counted' : 'reviewed';
  return { status, answered, skipped: 0, remaining: matching - answered };
}

/** From the audit log, which has an entry for each conflict. */
export async function resolvedBy(sql: Sql, { note }: ConflictChange): Promise<Resolved[]> {
  const rows = await sql(
    `select ${SAID} as said, c.counted_as from audit_log a
     join usage_conflicts c
       on a.target = 'conflict_' || replace(c.identity::text || c.other_fingerprint::text, '-', '') || '.' || c.entity
     where a.action in ('usage_conflicts.counted', 'usage_conflicts.reviewed') and a.after ->> 'note' = $1::text
     order by a.id`,
    [note],
  );
  return rows.map((row) => ({ said: String(row['said']), countedAs: row['counted_as'] as string | null }));
}

/** Those that match, and no others; where there is a limit, those that came last. */
export function applyToConflicts(
  change: ConflictChange,
  model: Model,
  { resolved, nowMs }: { resolved: readonly Resolved[]; nowMs: number },
): void {
  const matching = matchingOf(change, model);
  const saids = new Set(resolved.map(({ said }) => said));
  assert.equal(saids.size, resolved.length, 'no conflict is dealt with twice');
  assert.equal(resolved.length, Math.min(matching.length, change.limit ?? matching.length));
  const taken = matching.filter(({ facts }) => saids.has(saidBy(facts)));
  assert.equal(taken.length, resolved.length, 'each of them matches');
  const left = matching.filter((conflict) => !taken.includes(conflict));
  const newest = Math.max(...left.map(({ seenMs }) => seenMs));
  assert.ok(
    taken.every(({ seenMs }) => seenMs >= newest),
    'those that came last are first',
  );
  for (const { said, countedAs } of resolved) {
    const conflict = model.conflicts.get(said)!;
    conflict.status = change.what === 'count conflicts' ? 'counted' : 'reviewed';
    if (conflict.status === 'counted') countAfterAll(conflict, model, { countedAs, nowMs });
  }
}

function countAfterAll(
  { facts, userId }: Conflict,
  model: Model,
  { countedAs, nowMs }: { countedAs: string | null; nowMs: number },
): void {
  assert.match(String(countedAs), /^.+~[0-9a-f]{12}$/);
  assert.equal(countedAs!.slice(0, -13), facts.id);
  const own = { ...facts, id: countedAs!, userId };
  assert.ok(!model.counted.has(keyOf(own)), 'its id is its own');
  model.count(own, nowMs);
  // An erasure has taken away the usage that nothing had read, so no producer can say the same again.
  model.counted.get(keyOf(own))!.isRepeatable = userId === facts.userId || facts.unknown === 0;
}

function matchingOf(change: ConflictChange, model: Model): Conflict[] {
  const { status, entity, project, fromMs, toMs } = change;
  return [...model.conflicts.values()].filter(
    (conflict) =>
      conflict.status === status &&
      (entity === null || conflict.facts.entity === entity) &&
      (project === null || conflict.facts.project === project) &&
      (fromMs === null || conflict.seenMs >= fromMs) &&
      (toMs === null || conflict.seenMs < toMs),
  );
}
