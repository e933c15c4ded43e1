/** The cheapest question to Postgres. */
import type { Prisma } from './prisma/client.js';

export async function ping(tx: Prisma.TransactionClient): Promise<void> {
  await tx.$queryRaw`select 1::integer`;
}
