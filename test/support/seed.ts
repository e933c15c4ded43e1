/** The plans and prices of a first start. */
import { ensureFirstPlans } from '../../src/accounts/first-plans.js';
import type { Database } from '../../src/platform/database.js';
import { ensureFirstPrices } from '../../src/prices/first-prices.js';

const PRISMA = new URL('../../prisma/', import.meta.url);

export async function seed(database: Database): Promise<void> {
  await ensureFirstPlans(database, new URL('plans.json', PRISMA));
  await ensureFirstPrices(database, new URL('price-book.json', PRISMA));
}
