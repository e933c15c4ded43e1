/** Quantities that were moved from one meter to another leave their sum, and where no price tells them apart their cost. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { publish } from '../support/price-books.js';
import { priceTerms } from '../support/prices.js';

let books: Books;
beforeAll(async () => {
  books = await theBooks();
  const terms = priceTerms({ input: 1n, output: 2n, search: 3n });
  await publish(books, { model: 'm', terms, effectiveFrom: new Date('2026-11-01') });
  const quantities = { input: 10, cached_input: 10, output: 5, reasoning: 5, search: 4, page: 1 };
  const occurredAt = new Date('2026-11-20T10:00:00Z');
  await books.recorder.record([anEvent({ subject: 't/p', model: 'm', quantities, occurredAt })]);
  await books.days.build();
});
afterAll(() => books.close());

async function change(sql: string): Promise<void> {
  const client = await books.postgres.pool.connect();
  try {
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    expect((await client.query(sql)).rowCount).toBeGreaterThan(0);
    await client.query('commit');
  } finally {
    client.release();
  }
}

async function failing(): Promise<string[]> {
  const { checks } = await books.reconciliation.run();
  return checks.filter((check) => !check.ok).map((check) => check.name);
}

const BY_HOUR = 'events equal roll-ups: quantities, weighted by meter';
const BY_DAY = 'roll-ups by hour equal those by day: quantities, weighted by meter';
const BY_KEY = 'roll-ups by day equal those by key: quantities, weighted by meter';
const COST = 'quantities times unit prices equal cost';

it.each([
  ['usage_events', [BY_HOUR]],
  ['usage_hourly', [BY_HOUR, BY_DAY]],
  ['usage_daily', [BY_DAY, BY_KEY]],
  ['usage_daily_callers', [BY_KEY]],
])('quantities of other meters in %s are found', async (table, expected) => {
  // The output of an event is without its reasoning, that of a sum is with it.
  const output = table === 'usage_events' ? ['output_tokens = 6', 'output_tokens = 5'] : [];
  expect(await failing()).toEqual([]);
  for (const [changed, back] of [
    [`other_quantities = '{"search":"3","page":"2"}'`, `other_quantities = '{"search":"4","page":"1"}'`],
    ['input_tokens = 9, cached_input_tokens = 11', 'input_tokens = 10, cached_input_tokens = 10'],
    ['reasoning_tokens = 4', 'reasoning_tokens = 5'].map((column, index) =>
      [column, ...output.slice(index, index + 1)].join(),
    ),
  ]) {
    await change(`update ${table} set ${changed}`);
    expect((await failing()).filter((name) => name !== COST)).toEqual(expected);
    await change(`update ${table} set ${back}`);
  }
  expect(await failing()).toEqual([]);
});

it('usage that waits for no price, though it lacks one, is found', async () => {
  const [unpriced, inPart] = [
    anEvent({ subject: 't/p', model: 'nobody-priced-it' }),
    anEvent({ subject: 't/p', model: 'm', quantities: { page: 2 } }),
  ];
  await books.recorder.record([unpriced, inPart]);
  expect(await failing()).toEqual([]);
  for (const { id } of [unpriced, inPart]) {
    await change(`update usage_events set unpriced_meters = null where id = '${id}'`);
    expect(await failing()).toEqual(['usage that lacks a price waits for it']);
    await change(`update usage_events set unpriced_meters = array['page'] where id = '${id}'`);
    expect(await failing()).toEqual([]);
  }
});
