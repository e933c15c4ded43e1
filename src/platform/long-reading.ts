/** Reconciliation and the drop of a month read and group months of events at once: they need more time and memory than a change. */
import type { Tx } from './database.js';
import { raiseReadingLimits } from './long-reading.sql.js';

/** Until the transaction ends. */
export async function allowLongReading(tx: Tx): Promise<void> {
  await raiseReadingLimits(tx);
}
