import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { UsageEvent } from '../../src/domain/usage.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent } from '../support/builders.js';
import { aPriceOrder, publish } from '../support/price-books.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

/** The books' clock stands at noon on 2026-11-22: November is open, October is not. */
const at = (time: string) => new Date(`2026-${time}Z`);

async function use(
  model: string,
  times: readonly string[],
  override: Partial<UsageEvent> & { subject?: string } = {},
) {
  const events = times.map((time) => anEvent({ model, occurredAt: at(time), ...override }));
  await books.recorder.record(events);
}

/** As if it had been counted while October was open. */
async function useInOctober(model: string, time: string): Promise<void> {
  const now = books.clock.now();
  books.clock.set(at(time));
  await use(model, [time]);
  books.clock.set(now);
}

const costsOf = async (model: string): Promise<string[]> => {
  const { rows } = await books.postgres.pool.query<{ cost: string }>(
    `select cost_picos::text as cost from rated_events where model = $1 order by occurred_at`,
    [model],
  );
  return rows.map(({ cost }) => cost);
};

describe('the first price of a model', () => {
  it('reaches back to the oldest usage that waits in an open period, and says what it charges and what stays', async () => {
    await useInOctober('first', '10-20T00:00:00');
    await use('first', ['11-03T00:00:00', '11-21T00:00:00']);
    const price = await publish(books, { model: 'first' });
    expect(price).toMatchObject({
      effectiveFrom: at('11-03T00:00:00'),
      firstForMetersFrom: null,
      chargedEvents: 2,
      waitingEvents: 1,
    });
    expect(await books.unpriced.charge()).toBe(2);
    expect(await costsOf('first')).toEqual(['0', '200000000', '200000000']);
  });

  it('says that usage still waits of which it charges a part', async () => {
    await use('partly', ['11-03T00:00:00'], { quantities: { input: 3, search: 1 } });
    await use('partly', ['11-04T00:00:00'], { quantities: { input: 3 } });
    expect(await publish(books, { model: 'partly' })).toMatchObject({ chargedEvents: 2, waitingEvents: 1 });
    expect(await books.unpriced.charge()).toBe(2);
    const waiting = { model: 'partly', entity: null, after: null, limit: 10 };
    expect(await books.prices.listUnpriced(waiting)).toMatchObject([{ events: 1n }]);
  });

  it('is in force from now on where nothing waits', async () => {
    const price = await publish(books, { model: 'nothing-waits' });
    expect(price).toMatchObject({ effectiveFrom: books.clock.now(), chargedEvents: 0, waitingEvents: 0 });
  });

  it('does not reach back where its time is given: usage before it stays and is counted', async () => {
    await use('explicit', ['11-03T00:00:00', '11-10T00:00:00']);
    const price = await publish(books, { model: 'explicit', effectiveFrom: at('11-05T00:00:00') });
    expect(price).toMatchObject({
      effectiveFrom: at('11-05T00:00:00'),
      chargedEvents: 1,
      waitingEvents: 1,
    });
    expect(await books.unpriced.charge()).toBe(1);
  });

  it('that was agreed with an entity reaches back to that one’s usage alone', async () => {
    await use('agreed', ['11-03T00:00:00'], { subject: 'other/p' });
    await use('agreed', ['11-04T00:00:00'], { subject: 'own/p' });
    const order = aPriceOrder({ model: 'agreed', entity: anEvent({ subject: 'own/p' }).entity });
    expect(await publish(books, order)).toMatchObject({
      effectiveFrom: at('11-04T00:00:00'),
      chargedEvents: 1,
      waitingEvents: 0,
    });
    expect(await publish(books, { model: 'agreed' })).toMatchObject({
      effectiveFrom: at('11-03T00:00:00'),
      chargedEvents: 1,
    });
    expect(await books.unpriced.charge()).toBe(2);
  });
});

describe('the first price of a meter', () => {
  it('charges what waits for the meter in open periods, and no other usage', async () => {
    await publish(books, { model: 'meters', effectiveFrom: at('01-01T00:00:00') });
    await use('meters', ['11-03T00:00:00', '11-04T00:00:00'], { quantities: { input: 1, search: 2 } });
    await use('meters', ['11-05T00:00:00'], { quantities: { input: 1, page: 3 } });
    const terms = { input_usd_per_million: '9', search_usd: '0.01' };
    expect(await publish(books, { model: 'meters', terms })).toMatchObject({
      effectiveFrom: books.clock.now(),
      firstForMetersFrom: at('11-03T00:00:00'),
      chargedEvents: 2,
      waitingEvents: 1,
    });
    expect(await books.unpriced.charge()).toBe(2);
    const waiting = await books.prices.listUnpriced({ model: 'meters', entity: null, after: null, limit: 9 });
    expect(waiting).toMatchObject([{ events: 1n, otherQuantities: { page: '3' }, inputTokens: 0n }]);
  });

  it('does not reach back where every meter had a price', async () => {
    await publish(books, { model: 'repriced', effectiveFrom: at('01-01T00:00:00') });
    await use('repriced', ['11-03T00:00:00']);
    expect(await publish(books, { model: 'repriced' })).toMatchObject({
      firstForMetersFrom: null,
      chargedEvents: 0,
    });
  });
});

describe('usage that waits', () => {
  it('is listed by model and entity with the quantities that wait, page by page', async () => {
    await use('listed/a', ['11-03T00:00:00', '11-05T00:00:00'], {
      quantities: { input: 5, cached_input: 1, output: 3, reasoning: 2, cache_write: 4 },
    });
    await use('listed/a', ['11-04T00:00:00'], { subject: 'entity2/p', quantities: { query: 7 } });
    const all = await books.prices.listUnpriced({ model: 'listed/a', entity: null, after: null, limit: 9 });
    expect(all).toEqual([
      {
        model: 'listed/a',
        entity: 'entity1',
        events: 2n,
        since: at('11-03T00:00:00'),
        until: at('11-05T00:00:00'),
        inputTokens: 10n,
        cachedInputTokens: 2n,
        outputTokens: 10n,
        reasoningTokens: 4n,
        otherQuantities: { cache_write: '8' },
      },
      expect.objectContaining({ entity: 'entity2', events: 1n, otherQuantities: { query: '7' } }),
    ]);
    const after = { model: 'listed/a', entity: 'entity1' };
    expect(await books.prices.listUnpriced({ model: 'listed/a', entity: null, after, limit: 9 })).toEqual(
      all.slice(1),
    );
  });
});
