/** The cheapest question to Postgres. */
import type { Tx } from './database.js';

export async function ping(tx: Tx): Promise<void> {
  await tx.$queryRaw`select 1::integer`;
}
