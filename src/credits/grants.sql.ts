/** Lots of credits: read under the entity's lock before they are burnt, voided or expired. */
import type { Grant } from '../domain/burn-order.js';
import type { EntityName } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';

export type GrantRow = Grant & {
  readonly entity: string;
  readonly amountPicos: bigint;
  readonly burntPicos: bigint;
  readonly voidedPicos: bigint;
  readonly expiredPicos: bigint;
  readonly reference: string | null;
  readonly note: string | null;
  /** Whatever comes back to a voided grant is void as well. */
  readonly voidedAt: Date | null;
};

type RawGrant = {
  id: string;
  entity: string;
  category: 'paid' | 'promotional';
  priority: number;
  amount: string;
  remaining: string;
  burnt: string;
  voided: string;
  expired: string;
  effective_at: Date;
  expires_at: Date | null;
  reference: string | null;
  note: string | null;
  created_at: Date;
  voided_at: Date | null;
};

/** Grants with something left of locked entities, whatever their validity: the domain decides which of them pay. */
export async function findGrantsLeft(tx: Tx, entities: readonly string[]): Promise<GrantRow[]> {
  const rows = await tx.$queryRaw<RawGrant[]>`
    select
      id, entity, category, priority, amount_picos::text as amount, remaining_picos::text as remaining,
      burnt_picos::text as burnt, voided_picos::text as voided, expired_picos::text as expired,
      effective_at, expires_at, reference, note, created_at, voided_at
    from credit_grants
    where entity = any(${entities}::text[]) and remaining_picos > 0`;
  return rows.map(toGrant);
}

/** Every grant of an entity, newest first. */
export async function findGrants(tx: Tx, entity: string): Promise<GrantRow[]> {
  const rows = await tx.$queryRaw<RawGrant[]>`
    select
      id, entity, category, priority, amount_picos::text as amount, remaining_picos::text as remaining,
      burnt_picos::text as burnt, voided_picos::text as voided, expired_picos::text as expired,
      effective_at, expires_at, reference, note, created_at, voided_at
    from credit_grants
    where entity = ${entity}::text
    order by created_at desc, id`;
  return rows.map(toGrant);
}

export async function findGrant(tx: Tx, args: { entity: string; grantId: string }): Promise<GrantRow | null> {
  const grants = await findGrants(tx, args.entity);
  return grants.find((grant) => grant.id === args.grantId) ?? null;
}

export async function insertGrant(tx: Tx, grant: GrantRow): Promise<void> {
  await tx.$executeRaw`
    insert into credit_grants (
      id, entity, category, priority, amount_picos, remaining_picos, effective_at, expires_at, reference, note, created_at
    )
    values (
      ${grant.id}::text, ${grant.entity}::text, ${grant.category}::text, ${grant.priority}::smallint,
      ${String(grant.amountPicos)}::numeric, ${String(grant.amountPicos)}::numeric,
      ${grant.effectiveAt}::timestamptz, ${grant.expiresAt}::timestamptz,
      ${grant.reference}::text, ${grant.note}::text, ${grant.createdAt}::timestamptz
    )`;
}

/** Marks a grant as voided, for what may come back to it later. A second time keeps the first. */
export async function markVoided(tx: Tx, args: { grantId: string; at: Date }): Promise<void> {
  await tx.$executeRaw`
    update credit_grants set voided_at = coalesce(voided_at, ${args.at}::timestamptz)
    where id = ${args.grantId}::text`;
}

/** Takes all that is left of a grant and returns the amount; nothing is left twice. */
export async function takeRemaining(
  tx: Tx,
  args: { grantId: string; as: 'void' | 'expiry' },
): Promise<bigint> {
  const voided = args.as === 'void';
  const [row] = await tx.$queryRaw<{ taken: string }[]>`
    with grant_left as (
      select id, remaining_picos from credit_grants where id = ${args.grantId}::text and remaining_picos > 0
    )
    update credit_grants g set
      remaining_picos = 0,
      voided_picos = g.voided_picos + case when ${voided}::boolean then l.remaining_picos else 0 end,
      expired_picos = g.expired_picos + case when ${voided}::boolean then 0 else l.remaining_picos end
    from grant_left l
    where g.id = l.id
    returning l.remaining_picos::text as taken`;
  return BigInt(row?.taken ?? 0);
}

/** Entities that have expired grants with something left. */
export async function findEntitiesWithExpired(tx: Tx, at: Date): Promise<EntityName[]> {
  const rows = await tx.$queryRaw<{ entity: EntityName }[]>`
    select distinct entity from credit_grants
    where remaining_picos > 0 and expires_at <= ${at}::timestamptz
    order by entity`;
  return rows.map((row) => row.entity);
}

function toGrant(row: RawGrant): GrantRow {
  return {
    id: row.id,
    entity: row.entity,
    category: row.category,
    priority: row.priority,
    amountPicos: BigInt(row.amount),
    remainingPicos: BigInt(row.remaining),
    burntPicos: BigInt(row.burnt),
    voidedPicos: BigInt(row.voided),
    expiredPicos: BigInt(row.expired),
    effectiveAt: row.effective_at,
    expiresAt: row.expires_at,
    reference: row.reference,
    note: row.note,
    createdAt: row.created_at,
    voidedAt: row.voided_at,
  };
}
