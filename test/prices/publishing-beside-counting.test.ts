/** Publishing and counting at once: who waits for whom, and that nothing is lost between reading and the lock. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Tx } from '../../src/platform/database.js';
import { PriceImport } from '../../src/prices/price-import.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { expectAgreement, spendOf } from '../support/correcting.js';
import { aSlowBatch, untilSomebodyWaits } from '../support/price-book-lock.js';
import { aPriceOrder } from '../support/price-books.js';
import { until } from '../support/until.js';

let books: Books;
let imports: PriceImport;
beforeAll(async () => {
  books = await theBooks();
  imports = new PriceImport(books.database, books.clock, books.prices);
});
afterAll(() => books.close());

const OPTIONS = { allowLossy: false, allowFree: false, overwrite: false };

const count = async (entity: string, model: string, time: string): Promise<number> => {
  const occurredAt = new Date(time);
  const event = anEvent({ subject: `${entity}/p`, model, occurredAt, quantities: { input: 7 } });
  return (await books.recorder.record([event])).recorded;
};

async function planOf(map: object) {
  const bytes = (async function* () {
    yield Buffer.from(JSON.stringify(map));
  })();
  return imports.plan(await imports.read(bytes, OPTIONS), OPTIONS);
}

/** The transaction stands still after its first statement that has this text, until it is let go. */
function standingAfter(tx: Tx, text: string) {
  let [arrive, letGo] = [() => {}, () => {}];
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const free = new Promise<void>((resolve) => (letGo = resolve));
  let isFirst = true;
  const paused = new Proxy(tx, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key !== '$queryRaw' && key !== '$executeRaw') return value;
      return async (strings: readonly string[], ...values: unknown[]) => {
        const result: unknown = await (value as (...all: unknown[]) => Promise<unknown>).call(
          target,
          strings,
          ...values,
        );
        if (isFirst && strings.join('').includes(text)) {
          isFirst = false;
          arrive();
          await free;
        }
        return result;
      };
    },
  });
  return { paused, arrived, letGo };
}

describe('a publication', () => {
  it('that waits for a slow batch holds up nobody who counts, and comes through after it', async () => {
    const letGo = await aSlowBatch(books);
    const publishing = books.database.transaction((tx) =>
      books.prices.publish(tx, aPriceOrder({ model: 'slowly' })),
    );
    for (let round = 0; round < 3; round += 1) {
      await untilSomebodyWaits(books);
      expect(await count(`neighbour${round}`, LLAMA, '2026-11-22T11:30:00Z')).toBe(1);
    }
    expect(await books.prices.list({ model: 'slowly', entity: null })).toEqual([]);
    await letGo();
    expect(await publishing).toMatchObject({ model: 'slowly', effectiveFrom: books.clock.now() });
  });

  it('reads beside those who count, and still reaches back to what they count meanwhile', async () => {
    await count('early', 'beside', '2026-11-20T00:00:00Z');
    let paused: ReturnType<typeof standingAfter> | undefined;
    const publishing = books.database.transaction((tx) => {
      paused = standingAfter(tx, 'min(e.occurred_at)');
      return books.prices.publish(paused.paused, aPriceOrder({ model: 'beside' }));
    });
    await until('it has looked for what waits', async () => paused !== undefined);
    await paused!.arrived;
    expect(await count('early', 'beside', '2026-11-10T00:00:00Z')).toBe(1);
    paused!.letGo();
    expect((await publishing).effectiveFrom).toEqual(new Date('2026-11-10T00:00:00Z'));
    await books.unpriced.charge();
    expect(await spendOf(books, 'early')).toBe('14000000 = 0 + 14000000');
    await expectAgreement(books);
  });
});

describe('an import', () => {
  it('reads beside those who count, and still reaches back to what they count meanwhile', async () => {
    const plan = await planOf({
      'import/beside': { mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
    });
    await count('imported', 'import/beside', '2026-11-20T00:00:00Z');
    let paused: ReturnType<typeof standingAfter> | undefined;
    const importing = books.database.transaction(async (tx) => {
      paused = standingAfter(tx, 'update staged_prices');
      return { is: await imports.publish(paused.paused, plan, 'test') };
    });
    await until('it has looked for what waits', async () => paused !== undefined);
    await paused!.arrived;
    expect(await count('imported', 'import/beside', '2026-11-10T00:00:00Z')).toBe(1);
    paused!.letGo();
    expect(await importing).toEqual({ is: null });
    const [version] = await books.prices.list({ model: 'import/beside', entity: null });
    expect(version?.effectiveFrom).toEqual(new Date('2026-11-10T00:00:00Z'));
    await books.unpriced.charge();
    expect(await spendOf(books, 'imported')).toBe('14000000 = 0 + 14000000');
    await expectAgreement(books);
  });
});
