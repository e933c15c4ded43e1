/** The price book and its rates, over a database of the test's own and a clock that it sets. */
import { Changes } from '../../src/access/changes.js';
import type { Clock } from '../../src/platform/clock.js';
import { Database } from '../../src/platform/database.js';
import { PriceBook, type PriceOrder, type Published } from '../../src/prices/price-book.js';
import { Rates } from '../../src/prices/rates.js';
import { aDatabase, type TestDatabase } from './database.js';
import { seed } from './seed.js';
import { TestClock } from './test-clock.js';

export type PriceBooks = {
  readonly clock: TestClock;
  readonly database: Database;
  readonly postgres: TestDatabase;
  readonly prices: PriceBook;
  readonly rates: Rates;
  close(): Promise<void>;
};

export async function thePriceBook(): Promise<PriceBooks> {
  const postgres = await aDatabase();
  const clock = new TestClock();
  const database = new Database({ url: postgres.serviceUrl });
  await seed(database);
  return {
    clock,
    database,
    postgres,
    ...overDatabase(database, clock),
    async close() {
      await database.close();
      await postgres.drop();
    },
  };
}

export function overDatabase(database: Database, clock: Clock) {
  return { prices: new PriceBook(database, clock, new Changes(database)), rates: new Rates(database) };
}

/** $1 per million tokens in, $2 out, from now on. */
export function aPriceOrder(override: Partial<PriceOrder> = {}): PriceOrder {
  return {
    model: 'a-model',
    entity: null,
    effectiveFrom: null,
    terms: { input_usd_per_million: '1', output_usd_per_million: '2' },
    maxInputTokens: null,
    maxOutputTokens: null,
    source: 'test',
    actor: 'test',
    ...override,
  };
}

export async function publish(
  { database, prices }: Pick<PriceBooks, 'database' | 'prices'>,
  override: Partial<PriceOrder> = {},
): Promise<Published> {
  return database.transaction((tx) => prices.publish(tx, aPriceOrder(override)));
}
