/** How long a transaction waits for what others have locked. */
import type { Tx } from './database.js';

/** Until this transaction ends, a statement that would wait longer than this for a lock fails (SQLSTATE 55P03). */
export async function boundLockWaits(tx: Tx, { waitMsMax }: { waitMsMax: number }): Promise<void> {
  await tx.$queryRaw`select set_config('lock_timeout', ${String(waitMsMax)}::text, true)`;
}
