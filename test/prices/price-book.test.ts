import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EntityName } from '../../src/domain/ids.js';
import { Clock } from '../../src/platform/clock.js';
import { Database } from '../../src/platform/database.js';
import { ensureFirstPrices } from '../../src/prices/first-prices.js';
import type { PriceTermsBody } from '../../src/prices/price-terms.schema.js';
import { LLAMA, LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';
import { aFaultProxy, through } from '../support/fault-proxy.js';
import { ownMsOf } from '../support/own-time.js';
import { until } from '../support/until.js';
import { aPriceOrder, overDatabase, publish, thePriceBook, type PriceBooks } from '../support/price-books.js';

let books: PriceBooks;
beforeAll(async () => (books = await thePriceBook()));
afterAll(() => books.close());

const use = (model = LLAMA) => ({ model, entity: 'entity1' as EntityName, at: books.clock.now() });

const FIVE_PICOS = { input_usd_per_million: '0.000005', output_usd_per_million: '0.000005' };

describe('the price book', () => {
  it('uses a new version for estimates within five seconds of its publication', async () => {
    expect((await books.prices.priceFor(use()))?.prices.input).toBe(LLAMA_PICOS_PER_TOKEN);
    await publish(books, { model: LLAMA, effectiveFrom: books.clock.now(), terms: FIVE_PICOS });
    books.clock.advance(5_001);
    expect((await books.prices.priceFor(use()))?.prices.input).toBe(5n);
  });

  it('is in force from when the book was free, not from when the publication began to wait for it', async () => {
    const { prices } = overDatabase(books.database, new Clock());
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const holding = books.database.transaction(async (tx) => {
      await prices.lockShared(tx);
      await released;
    });
    const order = aPriceOrder({ model: 'waited-for', effectiveFrom: null });
    const publishing = books.database.transaction((tx) => prices.publish(tx, order));
    await until('the publication waits', async () => {
      const { rows } = await books.postgres.pool.query(
        `select from pg_stat_activity where wait_event = 'advisory' and datname = current_database()`,
      );
      return rows.length > 0;
    });
    const { rows } = await books.postgres.pool.query('select clock_timestamp() as now');
    release();
    await holding;
    expect((await publishing).effectiveFrom.getTime()).toBeGreaterThanOrEqual(rows[0].now.getTime());
  });

  it('reads each version once: a version that was read before is the same object', async () => {
    const read = () => books.database.transaction((tx) => books.prices.versionsOf(tx, [LLAMA]));
    const [first, again] = [await read(), await read()];
    expect(first.length).toBeGreaterThan(1);
    for (const [index, row] of first.entries()) expect(again[index]).toBe(row);
  });

  it('knows prices that were added in another process, however many there are', async () => {
    const other = overDatabase(books.database, books.clock);
    await books.prices.priceFor(use());
    const models = Array.from({ length: 250 }, (_, index) => `many-${index}`);
    // One transaction of all would pass the time that one may take on a busy machine.
    for (const model of models)
      await books.database.transaction((tx) => other.prices.publish(tx, aPriceOrder({ model })));
    books.clock.advance(5_001);
    for (const model of models)
      expect((await books.prices.priceFor(use(model)))?.prices.input).toBe(1_000_000n);
  });

  it('refuses a second version of the same model, entity and instant', async () => {
    const version = { model: 'twice', effectiveFrom: new Date('2026-12-01T00:00:00Z') };
    await publish(books, version);
    await expect(publish(books, version)).rejects.toMatchObject({
      code: 'conflict',
      param: 'effective_from',
    });
  });

  it('keeps the terms as they were given, and charges by them', async () => {
    const terms: PriceTermsBody = {
      input_usd_per_million: '5.40',
      search_usd: '0.010',
      cache_write_usd_per_million: null,
      variants: [
        { when: { service_tier: 'batch', weekdays: [7, 1] }, input_usd_per_million: '2.7' },
        { when: { region: 'eu', utc: '16:30-00:30' }, multiplier: '1.10' },
      ],
    };
    const { id } = await publish(books, { model: 'as-given', terms });
    const fresh = overDatabase(books.database, books.clock);
    const [row] = await fresh.prices.list({ model: 'as-given', entity: null });
    expect(row).toMatchObject({ id, terms, prices: { input: 5_400_000n, search: 10n ** 10n } });
    expect(row!.variants).toMatchObject([
      { prices: { input: 2_700_000n }, multiplier: null },
      { prices: {}, multiplier: { numerator: 110n, denominator: 100n } },
    ]);
  });

  it('says of each version which meters it can charge, in any variant, those that fall back on others included', async () => {
    const terms = {
      output_usd_per_million: '2',
      variants: [
        { when: { attributes: { size: 'high' } }, cached_input_usd_per_million: '1', request_usd: '1' },
      ],
    };
    const { id } = await publish(books, { model: 'some-meters', terms });
    const { meters } = await books.database.reader.price.findUniqueOrThrow({ where: { id } });
    const inputs = ['cached_input', 'cached_input_audio', 'cached_input_image'];
    const outputs = ['output', 'reasoning', 'output_audio', 'output_image', 'output_video'];
    expect(meters).toEqual([...inputs, ...outputs, 'request']);
  });

  it('keeps the rate of a version without variants with the version', async () => {
    const { id } = await publish(books, { model: 'with-rate', terms: { input_usd_per_million: '1' } });
    const rates = await books.database.reader.rate.findMany({ where: { priceId: id } });
    expect(rates).toMatchObject([{ unitPrices: { input: '1000000', cached_input: '1000000' } }]);
  });

  it('keeps the maximums of the version before where a new one states none', async () => {
    await publish(books, { model: 'maximums', maxInputTokens: 7, maxOutputTokens: 8 });
    const effectiveFrom = new Date('2026-12-01T00:00:00Z');
    const next = await publish(books, { model: 'maximums', maxOutputTokens: 9, effectiveFrom });
    expect(next).toMatchObject({ maxInputTokens: 7, maxOutputTokens: 9 });
  });

  it('writes the terms before and after into the audit log', async () => {
    const before = { input_usd_per_million: '1.0', page_usd: '0.5' };
    await publish(books, { model: 'audited', terms: before });
    await publish(books, {
      model: 'audited',
      terms: FIVE_PICOS,
      effectiveFrom: new Date('2026-12-01T00:00:00Z'),
    });
    const entries = await books.database.reader.auditEntry.findMany({
      where: { target: 'audited' },
      orderBy: { id: 'asc' },
    });
    expect(entries).toMatchObject([
      { action: 'prices.publish', before: null, after: { terms: before } },
      { action: 'prices.publish', before: { terms: before }, after: { terms: FIVE_PICOS } },
    ]);
  });

  it('is paged by model and then newest first', async () => {
    const all = await books.prices.list({ model: null, entity: null });
    const paged = [];
    for (let after: bigint | null = null; ;) {
      const page = await books.prices.list({ model: null, entity: null, after, limit: 7 });
      paged.push(...page);
      after = page.at(-1)?.id ?? null;
      if (page.length < 7) break;
    }
    expect(paged.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
  });

  it('is the same after another start, which does not wait for usage that is being counted', async () => {
    const before = await books.prices.list({ model: null, entity: null });
    await books.database.transaction(async (tx) => {
      await books.prices.lockShared(tx);
      await ensureFirstPrices(books.database, new URL('../../prisma/price-book.json', import.meta.url));
    });
    expect(await books.prices.list({ model: null, entity: null })).toEqual(before);
  });

  it('keeps estimating by the book it has while Postgres is unavailable, and fails without one', async () => {
    const unavailable = new Database({ url: 'postgresql://nobody@127.0.0.1:1/none' });
    const empty = overDatabase(unavailable, books.clock).prices;
    await expect(empty.priceFor(use())).rejects.toMatchObject({ name: 'Unavailable', server: 'postgres' });
    await unavailable.close();
    const soonUnavailable = new Database({ url: books.postgres.url });
    const full = overDatabase(soonUnavailable, books.clock).prices;
    const before = await full.priceFor(use());
    await soonUnavailable.close();
    books.clock.advance(60_000);
    expect(await full.priceFor(use())).toEqual(before);
  });

  it('lets one estimate wait for a Postgres that does not answer, and the next ones do not wait', async () => {
    const wire = await aFaultProxy(new URL(books.postgres.url));
    const hanging = new Database({ url: through(wire, books.postgres.url) });
    const { prices } = overDatabase(hanging, books.clock);
    const before = await prices.priceFor(use());
    wire.hang();
    books.clock.advance(60_000);
    expect(await prices.priceFor(use())).toEqual(before);
    const next = async () => {
      books.clock.advance(200);
      expect(await prices.priceFor(use())).toEqual(before);
    };
    expect(
      await ownMsOf(async () => {
        for (let count = 0; count < 20; count += 1) await next();
      }),
    ).toBeLessThan(1_000);
    await publish(books, { model: 'after-the-outage', effectiveFrom: books.clock.now(), terms: FIVE_PICOS });
    await wire.mend();
    await until(
      'the new price is known',
      async () => (await prices.priceFor(use('after-the-outage'))) !== null,
    );
    await hanging.close();
    await wire.close();
  });
});
