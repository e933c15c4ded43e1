/** The cheapest question to Postgres. */
import type { Tx } from './database.js';

export async function pingDatabase(tx: Tx): Promise<void> {
  await tx.$queryRaw`select 1::integer`;
}
