/** What is kept for too long, a page at a time. Rows that somebody else holds are left for the next run. */
import type { Tx } from '../platform/database.js';
import type { EntityDay } from './erasures.sql.js';

type Page = { readonly before: Date; readonly limit: number };

export async function deleteOldDeadLetters(tx: Tx, { before, limit }: Page): Promise<number> {
  return tx.$executeRaw`
    delete from dead_letters where (entity, id) in (
      select entity, id from dead_letters
      where status in ('open', 'replayed', 'discarded') and last_seen_at < ${before}::timestamptz
      limit ${limit}::integer
      for update skip locked
    )`;
}

export async function deleteOldConflicts(tx: Tx, { before, limit }: Page): Promise<number> {
  return tx.$executeRaw`
    delete from usage_conflicts where (entity, identity, other_fingerprint) in (
      select entity, identity, other_fingerprint from usage_conflicts
      where last_seen_at < ${before}::timestamptz
      limit ${limit}::integer
      for update skip locked
    )`;
}

/** Those that have ended. */
export async function deleteOldJobs(tx: Tx, { before, limit }: Page): Promise<number> {
  return tx.$executeRaw`
    delete from jobs where id in (
      select id from jobs
      where created_at < ${before}::timestamptz and finished_at < ${before}::timestamptz
      order by created_at, id
      limit ${limit}::integer
      for update skip locked
    )`;
}

/** Whose entries of the audit log are chained, '' for those of no entity: a page after one. */
export async function findAuditChains(
  tx: Tx,
  { after, limit }: { after: string | null; limit: number },
): Promise<{ entity: string }[]> {
  return tx.$queryRaw<{ entity: string }[]>`
    select entity from chain_heads
    where log = 'audit_log' and (${after}::text is null or entity > ${after}::text)
    order by entity
    limit ${limit}::integer`;
}

/** The oldest days that may still name persons; `after` is the last one of the page before. */
export async function findDaysWithPersons(
  tx: Tx,
  { before, limit, after }: Page & { after: EntityDay | null },
): Promise<EntityDay[]> {
  return tx.$queryRaw<EntityDay[]>`
    select entity, day from usage_days
    where not without_persons and day < ${before}::timestamptz
      and (${after?.day ?? null}::timestamptz is null
        or (day, entity) > (${after?.day ?? null}::timestamptz, ${after?.entity ?? null}::text))
    order by day, entity
    limit ${limit}::integer`;
}

export async function markWithoutPersons(tx: Tx, { entity, day }: EntityDay): Promise<void> {
  await tx.$executeRaw`
    update usage_days set without_persons = true where entity = ${entity}::text and day = ${day}::timestamptz`;
}
