/** Identities of events. Each is claimed by the transaction that counts its event, so a failed transaction claims nothing. */
import type { Tx } from '../platform/database.js';

/**
 * Looks at a page of identities in key order and deletes those of events that occurred earlier. Walks the primary key: an index by
 * time would cost something with every event, and the whole table is looked at once a week. `last` is null after the last page.
 */
export async function pruneIdentities(
  tx: Tx,
  args: { occurredBefore: Date; after: string | null; limit: number },
): Promise<{ pruned: number; last: string | null }> {
  const [row] = await tx.$queryRaw<[{ pruned: bigint; seen: bigint; last: string | null }]>`
    with page as materialized (
      select identity, occurred_at from usage_identities
      where identity > coalesce(${args.after}::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
      order by identity
      limit ${args.limit}::integer
    ), gone as (
      delete from usage_identities i
      using page p
      where i.identity = p.identity and p.occurred_at < ${args.occurredBefore}::timestamptz
      returning i.identity
    )
    select
      (select count(*) from gone) as pruned,
      (select count(*) from page) as seen,
      (select identity::text from page order by identity desc limit 1) as last`;
  return { pruned: Number(row.pruned), last: Number(row.seen) < args.limit ? null : row.last };
}
