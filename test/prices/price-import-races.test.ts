import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Restart } from '../../src/platform/database.js';
import { PriceImport } from '../../src/prices/price-import.js';
import { aSlowBatch, untilSomebodyWaits } from '../support/price-book-lock.js';
import { publish, thePriceBook, type PriceBooks } from '../support/price-books.js';

let books: PriceBooks;
let imports: PriceImport;
beforeAll(async () => {
  books = await thePriceBook();
  imports = new PriceImport(books.database, books.clock, books.prices);
});
afterAll(() => books.close());

const OPTIONS = { allowLossy: false, allowFree: false, overwrite: false };
const ENTRY = { mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };

async function* chunksOf(map: object): AsyncGenerator<Uint8Array> {
  for (const byte of Buffer.from(JSON.stringify(map))) yield Uint8Array.of(byte);
}

async function planOf(map: object) {
  return imports.plan(await imports.read(chunksOf(map), OPTIONS), OPTIONS);
}

const modelsOf = async () =>
  (await books.prices.list({ model: null, entity: null })).map(({ model }) => model);

describe('an import', () => {
  it('starts over where the book has changed since the map was compared with it, and has published nothing then', async () => {
    const plan = await planOf({ 'race/imported': ENTRY });
    await publish(books, { model: 'race/by-hand' });
    const result = await books.database.transaction(async (tx) => ({
      is: await imports.publish(tx, plan, 'test'),
    }));
    expect(result.is).toBeInstanceOf(Restart);
    expect(await modelsOf()).not.toContain('race/imported');
  });

  it('takes the lock of the book only once everything is staged, and leaves nothing of the stage behind', async () => {
    const plan = await planOf({ 'race/staged': ENTRY });
    const release = await aSlowBatch(books);
    const importing = books.database.transaction(async (tx) => ({
      is: await imports.publish(tx, plan, 'test'),
    }));
    await untilSomebodyWaits(books);
    expect(await modelsOf()).not.toContain('race/staged');
    await release();
    expect(await importing).toEqual({ is: null });
    expect(await modelsOf()).toContain('race/staged');
    const { rows } = await books.postgres.pool.query("select from pg_class where relname = 'staged_prices'");
    expect(rows).toEqual([]);
  });

  it('refuses to publish beside a version of the same instant', async () => {
    await publish(books, { model: 'race/instant', source: 'price map', effectiveFrom: books.clock.now() });
    const plan = await planOf({ 'race/instant': { ...ENTRY, input_cost_per_token: 3e-6 } });
    const importing = books.database.transaction(async (tx) => ({
      is: await imports.publish(tx, plan, 'test'),
    }));
    await expect(importing).rejects.toMatchObject({ code: 'conflict' });
  });
});
