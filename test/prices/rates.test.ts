import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Tx } from '../../src/platform/database.js';
import { publish, overDatabase, thePriceBook, type PriceBooks } from '../support/price-books.js';

let books: PriceBooks;
beforeAll(async () => (books = await thePriceBook()));
afterAll(() => books.close());

const inTransaction = <T>(work: (tx: Tx) => Promise<T>) => books.database.transaction(work);

describe('rates', () => {
  it('have one id for equal content in every process, and different ids for different versions', async () => {
    const [a, b] = [await publish(books, { model: 'a' }), await publish(books, { model: 'b' })];
    const wanted = [
      { priceId: a.id, unitPrices: { input: 7n, output: 8n } },
      { priceId: b.id, unitPrices: { input: 7n, output: 8n } },
      { priceId: a.id, unitPrices: { output: 8n, input: 7n } },
      { priceId: a.id, unitPrices: { input: 7n } },
      { priceId: a.id, unitPrices: {} },
    ];
    const ids = await inTransaction((tx) => books.rates.idsOf(tx, wanted));
    expect([new Set(ids).size, ids[0]]).toEqual([4, ids[2]]);
    const again = await inTransaction((tx) =>
      overDatabase(books.database, books.clock).rates.idsOf(tx, wanted),
    );
    expect(again).toEqual(ids);
    const rates = await inTransaction((tx) => books.rates.ratesOf(tx, [...ids, 0n]));
    expect(ids.map((id) => rates.get(id))).toEqual(wanted);
    expect(rates.has(0n)).toBe(false);
  });

  it('that are known need no query', async () => {
    const { id: priceId } = await publish(books, { model: 'known' });
    const rate = { priceId, unitPrices: { input: 1n } };
    const [id] = await inTransaction((tx) => books.rates.idsOf(tx, [rate]));
    await inTransaction((tx) => books.rates.idsOf(tx, [rate]));
    await inTransaction((tx) => books.rates.unitPricesOf(tx, [id!]));
    const none = {} as Tx;
    expect(await books.rates.idsOf(none, [rate, { ...rate }])).toEqual([id, id]);
    expect(await books.rates.unitPricesOf(none, [id!])).toEqual(new Map([[id, rate.unitPrices]]));
  });

  it('that were rolled back are not remembered', async () => {
    const { id: priceId } = await publish(books, { model: 'rolled-back' });
    const rate = { priceId, unitPrices: { input: 2n } };
    let lost = 0n;
    const failing = inTransaction(async (tx) => {
      [lost = 0n] = await books.rates.idsOf(tx, [rate]);
      expect(await books.rates.idsOf(tx, [rate])).toEqual([lost]);
      await books.rates.unitPricesOf(tx, [lost]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await inTransaction((tx) => books.rates.unitPricesOf(tx, [lost]))).toEqual(new Map());
    const [id] = await inTransaction((tx) => books.rates.idsOf(tx, [rate]));
    expect(await inTransaction((tx) => books.rates.unitPricesOf(tx, [id!]))).toEqual(
      new Map([[id, rate.unitPrices]]),
    );
  });

  it('that many transactions add at once, in any order, have one id each', async () => {
    const { id: priceId } = await publish(books, { model: 'at-once' });
    const wanted = Array.from({ length: 40 }, (_, index) => ({
      priceId,
      unitPrices: { input: BigInt(index) },
    }));
    const all = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const order = wanted.toSorted(
          (a, b) =>
            ((Number(a.unitPrices.input) * 7 + index) % 41) - ((Number(b.unitPrices.input) * 7 + index) % 41),
        );
        const { rates } = overDatabase(books.database, books.clock);
        const ids = await inTransaction((tx) => rates.idsOf(tx, order));
        return new Map(order.map(({ unitPrices }, place) => [unitPrices.input, ids[place]]));
      }),
    );
    for (const ids of all)
      for (const { unitPrices } of wanted)
        expect(ids.get(unitPrices.input)).toBe(all[0]!.get(unitPrices.input));
  });
});
