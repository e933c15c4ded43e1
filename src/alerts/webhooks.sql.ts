/** The lock of the webhooks. */
import type { Tx } from '../platform/database.js';

/** Transactions that add webhooks wait for each other, so a count of webhooks stays true until the commit. */
export async function lockWebhooks(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('webhooks', 0))::text`;
}
