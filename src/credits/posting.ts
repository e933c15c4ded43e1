/** Posts an entity's closed hours to the ledger: what was burnt and owed in them, then what corrections gave back. */
import { postReversals } from './burn-reversals.sql.js';
import type { Tx } from '../platform/database.js';
import { postBurns } from './ledger.sql.js';

/** Needs the entity's lock. Returns the number of entries; hours that are posted already make none. */
export async function postHours(
  tx: Tx,
  args: { entity: string; openHour: Date; bookedAt: Date },
): Promise<number> {
  const burns = await postBurns(tx, args);
  return burns + (await postReversals(tx, args));
}
