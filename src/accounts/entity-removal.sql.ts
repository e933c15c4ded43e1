/** What keeps an entity from being deleted. */
import type { Tx } from '../platform/database.js';

/** Locks the entity so that nothing is booked for it until the transaction ends; counting sets its usage aside meanwhile. */
export async function lockForRemoval(tx: Tx, entity: string): Promise<void> {
  await tx.$queryRaw`select name from entities where name = ${entity}::text for update`;
}

/** In words, what the entity still has; empty where it may go. Keys that were revoked do not count. */
export async function findHoldings(tx: Tx, entity: string): Promise<string[]> {
  const [row] = await tx.$queryRaw<[{ held: string[] }]>`
    select array_remove(array[
      case when exists (select from usage_hourly where entity = ${entity}::text)
        or exists (select from usage_events where entity = ${entity}::text)
        or exists (select from entity_spend where entity = ${entity}::text)
        or exists (select from closed_periods where entity = ${entity}::text) then 'usage' end,
      case when exists (select from credit_grants where entity = ${entity}::text)
        or exists (select from ledger_entries where entity = ${entity}::text) then 'credits' end,
      case when exists (select from api_keys where entity = ${entity}::text and revoked_at is null) then 'keys' end,
      case when exists (select from prices where entity = ${entity}::text) then 'prices' end,
      case when exists (select from webhooks where entity = ${entity}::text)
        or exists (select from spend_alerts where entity = ${entity}::text) then 'alerts' end
    ], null) as held`;
  return row.held;
}

export async function deleteEntity(tx: Tx, entity: string): Promise<void> {
  await tx.$executeRaw`delete from projects where entity = ${entity}::text`;
  await tx.$executeRaw`delete from entities where name = ${entity}::text`;
}
