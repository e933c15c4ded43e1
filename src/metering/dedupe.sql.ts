/** Identities of events. Each is claimed by the transaction that counts its event, so a failed transaction claims nothing. */
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';

export type IdentityRow = { identity: string; fingerprint: string; occurredAt: Date };

/**
 * Claims identities and returns those that were new. Rows are inserted in key order: two batches that share
 * identities then wait for each other instead of deadlocking.
 */
export async function claimIdentities(
  tx: Tx,
  rows: readonly IdentityRow[],
  bookedAt: Date,
): Promise<Set<string>> {
  const claimed = await tx.$queryRaw<{ identity: string }[]>`
    insert into usage_identities (identity, fingerprint, occurred_at, booked_at)
    select identity, fingerprint, occurred_at, ${bookedAt}::timestamptz
    from unnest(
      ${pgArray(rows.map((row) => row.identity))}::uuid[],
      ${pgArray(rows.map((row) => row.fingerprint))}::uuid[],
      ${pgArray(rows.map((row) => row.occurredAt))}::timestamptz[]
    ) as t (identity, fingerprint, occurred_at)
    order by identity
    on conflict (identity) do nothing
    returning identity::text`;
  return new Set(claimed.map((row) => row.identity));
}

/**
 * What was counted under identities that were already claimed. This needs its own statement: the insert that waited for those claims
 * still sees the table as it was before the wait.
 */
export async function findIdentities(
  tx: Tx,
  identities: readonly string[],
): Promise<Map<string, IdentityRow>> {
  const rows = await tx.$queryRaw<{ identity: string; fingerprint: string; occurred_at: Date }[]>`
    select identity::text, fingerprint::text, occurred_at
    from usage_identities
    where identity = any(${pgArray(identities)}::uuid[])`;
  return new Map(
    rows.map((row) => [
      row.identity,
      { identity: row.identity, fingerprint: row.fingerprint, occurredAt: row.occurred_at },
    ]),
  );
}

/**
 * Looks at a page of identities in key order and deletes those that were booked earlier. Walks the primary key: an index by
 * time would cost something with every event, and this runs once a day. `last` is null after the last page.
 */
export async function pruneIdentities(
  tx: Tx,
  args: { bookedBefore: Date; after: string | null; limit: number },
): Promise<{ pruned: number; last: string | null }> {
  const [row] = await tx.$queryRaw<[{ pruned: bigint; seen: bigint; last: string | null }]>`
    with page as materialized (
      select identity, booked_at from usage_identities
      where identity > coalesce(${args.after}::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
      order by identity
      limit ${args.limit}::integer
    ), gone as (
      delete from usage_identities i
      using page p
      where i.identity = p.identity and p.booked_at < ${args.bookedBefore}::timestamptz
      returning i.identity
    )
    select
      (select count(*) from gone) as pruned,
      (select count(*) from page) as seen,
      (select identity::text from page order by identity desc limit 1) as last`;
  return { pruned: Number(row.pruned), last: Number(row.seen) < args.limit ? null : row.last };
}
