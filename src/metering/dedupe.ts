/** Recognizes events that arrived before: the same content again is a duplicate, other content under the same identity a conflict. */
import { fingerprintOf, identityOf, type UsageEvent } from '../domain/usage.js';
import type { Tx } from '../platform/database.js';
import { claimIdentities, findIdentities } from './dedupe.sql.js';
import type { Claimed } from './rating.js';
import type { Conflict } from './usage-conflicts.sql.js';

export type Identified = Claimed & { readonly fingerprint: string };

export type Deduped = {
  /** Events that are new. Their identities are claimed by this transaction. */
  readonly claimed: readonly Identified[];
  readonly conflicts: readonly Conflict[];
  /** How many events say what was counted already. */
  readonly duplicates: number;
};

export function identify(event: UsageEvent): Identified {
  return { identity: identityOf(event), fingerprint: fingerprintOf(event), event };
}

/** Claims the identities of a batch. An event may repeat one of the same batch, or one that was counted earlier. */
export async function dedupe(tx: Tx, identified: readonly Identified[], bookedAt: Date): Promise<Deduped> {
  const first = new Map<string, Identified>();
  for (const row of identified) if (!first.has(row.identity)) first.set(row.identity, row);
  const rows = [...first.values()].map((row) => ({ ...row, occurredAt: row.event.occurredAt }));
  const claimed = await claimIdentities(tx, rows, bookedAt);
  const known = rows.filter((row) => !claimed.has(row.identity)).map((row) => row.identity);
  const originals = known.length === 0 ? new Map<string, Original>() : await findIdentities(tx, known);
  const conflicts: Conflict[] = [];
  let duplicates = 0;
  for (const row of identified) {
    const firstOfBatch = first.get(row.identity)!;
    if (row === firstOfBatch && claimed.has(row.identity)) continue;
    const original = originals.get(row.identity) ?? originalOf(firstOfBatch);
    if (original.fingerprint.replaceAll('-', '') === row.fingerprint) duplicates += 1;
    else conflicts.push({ ...row, originalOccurredAt: original.occurredAt });
  }
  return { claimed: rows.filter((row) => claimed.has(row.identity)), conflicts, duplicates };
}

type Original = { readonly fingerprint: string; readonly occurredAt: Date };

function originalOf({ fingerprint, event }: Identified): Original {
  return { fingerprint, occurredAt: event.occurredAt };
}
