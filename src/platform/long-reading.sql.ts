/** For transactions that read and group months of events at once. */
import type { Tx } from './database.js';

/** Until this transaction ends, a statement may run for 30 minutes, and a sort or hash may use 64 MB before it goes to disk. */
export async function raiseReadingLimits(tx: Tx): Promise<void> {
  await tx.$executeRaw`set local statement_timeout = '30min'`;
  await tx.$executeRaw`set local work_mem = '64MB'`;
}
