/** What happens to grants under their entities' locks. */
import type { Grant, GrantCategory } from '../domain/burn-order.js';
import type { EntityName } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

export type GrantLeft = Grant & { readonly entity: string; readonly lot: number };

type RawGrant = Omit<GrantLeft, 'remainingPicos'> & {
  readonly category: GrantCategory;
  readonly remaining: string;
};

/** Grants with something left that are not frozen, valid or not. Counting gets them from `open_usage_batch`, unless an allowance was granted since. */
export async function findGrantsLeft(tx: Tx, entities: readonly string[]): Promise<GrantLeft[]> {
  const rows = await tx.$queryRaw<RawGrant[]>`
    select
      id, entity, lot, category, priority, remaining_picos::text as remaining,
      effective_at as "effectiveAt", expires_at as "expiresAt", created_at as "createdAt", allowance_period as "allowancePeriod"
    from credit_grants
    where entity = any(${pgArray(entities)}::text[]) and is_open and frozen_at is null`;
  return rows.map(({ remaining, ...grant }) => ({ ...grant, remainingPicos: BigInt(remaining) }));
}

/** Takes what is left of a grant, or at most `picosMax` of it, and returns the amount. */
export async function takeRemaining(
  tx: Tx,
  args: { entity: string; grantId: string; as: 'void' | 'expiry'; picosMax: bigint | null },
): Promise<bigint> {
  const isVoid = args.as === 'void';
  const picosMax = args.picosMax === null ? null : String(args.picosMax);
  const [row] = await tx.$queryRaw<{ taken: string }[]>`
    with grant_left as (
      select entity, id, least(remaining_picos, ${picosMax}::numeric) as taken_picos from credit_grants
      where entity = ${args.entity}::text and id = ${args.grantId}::text and is_open
    )
    update credit_grants g set
      remaining_picos = g.remaining_picos - l.taken_picos,
      voided_picos = g.voided_picos + case when ${isVoid}::boolean then l.taken_picos else 0 end,
      expired_picos = g.expired_picos + case when ${isVoid}::boolean then 0 else l.taken_picos end
    from grant_left l
    where g.entity = l.entity and g.id = l.id
    returning l.taken_picos::text as taken`;
  return BigInt(row?.taken ?? 0);
}

/** A page of the entities that have grants which expired until `expiredBy` and still have something left, by name. */
export async function findEntitiesWithExpired(
  tx: Tx,
  of: { expiredBy: Date; after: string | null; limit: number },
): Promise<{ entity: EntityName }[]> {
  return tx.$queryRaw<{ entity: EntityName }[]>`
    select distinct entity from credit_grants
    where is_open and frozen_at is null and expires_at <= ${of.expiredBy}::timestamptz and entity > coalesce(${of.after}::text, '')
    order by entity
    limit ${of.limit}::integer`;
}
