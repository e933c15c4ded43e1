/** When keys were last used, and which of them nobody may end. */
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';

/** Locks the rows in the order of their ids, so that processes that note the same keys wait for each other and no more. */
export async function noteUse(tx: Tx, { ids, at }: { ids: readonly string[]; at: Date }): Promise<void> {
  await tx.$executeRaw`
    update api_keys k set last_used_at = ${at}::timestamptz
    from (
      select id from api_keys
      where id = any(${pgArray(ids)}::text[]) and (last_used_at is null or last_used_at < ${at}::timestamptz)
      order by id for no key update
    ) used
    where k.id = used.id`;
}

/**
 * Locks all admin keys that last, and returns their ids: two admins who end each other's key at the same time do so one after the
 * other.
 */
export async function lockLastingAdminKeys(tx: Tx): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select id from api_keys where role = 'admin' and revoked_at is null and expires_at is null
    order by id for no key update`;
  return rows.map(({ id }) => id);
}
