import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { formatUsd } from '@tally/client/protocol';
import { parseUsd } from '../../src/domain/money.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { anEvent, LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy as buyGrant } from '../support/correcting.js';
import { priceTerms } from '../support/prices.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
afterEach(async () => {
  const { checks } = await books.reconciliation.run();
  expect(checks.filter((check) => !check.ok)).toEqual([]);
});

type Spend = { cost: string; burnt: string; overage: string };
async function spendOf(entity: string, period = '2026-11'): Promise<Spend | undefined> {
  const rows = await books.postgres.pool.query<Spend>(
    `select cost_picos::text as cost, burnt_picos::text as burnt, overage_picos::text as overage
     from entity_spend where entity = $1 and period = $2`,
    [entity, period],
  );
  return rows.rows[0];
}

const buy = (entity: string, amountUsd: string, override: Parameters<typeof buyGrant>[3] = {}) =>
  buyGrant(books, entity, parseUsd(amountUsd, 'amount_usd'), override);

/** Records the batches, all at once, and tells how many transactions had to be run again, as after a deadlock. */
async function repeatedToRecord(batches: UsageEvent[][]): Promise<number> {
  const { ingest } = books.database;
  const transaction = ingest.transaction.bind(ingest);
  let repeated = 0;
  ingest.transaction = (work, options) => {
    repeated -= 1;
    return transaction((tx) => {
      repeated += 1;
      return work(tx);
    }, options);
  };
  try {
    await Promise.all(batches.map((batch) => books.recorder.record(batch)));
  } finally {
    ingest.transaction = transaction;
  }
  return repeated;
}

const remainingOf = async (entity: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await books.grants.of(books.database.reader, entity)).map((grant) => [
      grant.id,
      formatUsd(grant.remainingPicos),
    ]),
  );

describe('recording usage', () => {
  it('counts an event once, whether it arrives twice in a batch, in two batches, or in two batches at the same time', async () => {
    const events = Array.from({ length: 40 }, () => anEvent({ subject: 'once/p' }));
    await books.recorder.record([...events.slice(0, 20), ...events.slice(0, 20)]);
    await Promise.all([
      books.recorder.record(events),
      books.recorder.record(events.toReversed()),
      books.recorder.record(events.slice(10)),
    ]);
    expect((await spendOf('once'))?.cost).toBe(String(40n * 150n * LLAMA_PICOS_PER_TOKEN));
  });

  it('says how many events were new, duplicates and conflicts', async () => {
    const lateBySeconds = 90;
    const occurredAt = new Date(books.clock.now().getTime() - lateBySeconds * 1_000);
    const event = anEvent({ subject: 'told/p', occurredAt });
    const other = { ...event, quantities: { ...event.quantities, output: 51 } };
    const unpriced = anEvent({ subject: 'told/p', model: 'nobody-priced-it' });
    expect(await books.recorder.record([event, event, other, unpriced])).toEqual({
      recorded: 2,
      duplicates: 1,
      conflicts: 1,
      lagsSeconds: [expect.any(Number), expect.any(Number)],
      setAside: [],
      unpriced: 1,
      unread: 0,
    });
    expect(await books.recorder.record([event, other])).toEqual({
      recorded: 0,
      duplicates: 1,
      conflicts: 1,
      lagsSeconds: [],
      setAside: [],
      unpriced: 0,
      unread: 0,
    });
  });

  it('treats the same identity at another time as a conflict, not as another event', async () => {
    const event = anEvent({ subject: 'identity/p' });
    await books.recorder.record([event]);
    const result = await books.recorder.record([{ ...event, occurredAt: new Date('2026-10-30T00:00:00Z') }]);
    expect(result).toMatchObject({ recorded: 0, conflicts: 1 });
    expect((await spendOf('identity'))?.cost).toBe(String(150n * LLAMA_PICOS_PER_TOKEN));
  });

  it("counts an event whose source and id another entity has used: nobody uses up another's identities", async () => {
    const event = anEvent({ subject: 'first/p' });
    const same = { ...anEvent({ subject: 'second/p' }), source: event.source, id: event.id };
    expect(await books.recorder.record([event])).toMatchObject({ recorded: 1 });
    expect(await books.recorder.record([same, event])).toMatchObject({
      recorded: 1,
      duplicates: 1,
      conflicts: 0,
    });
    for (const entity of ['first', 'second'])
      expect((await spendOf(entity))?.cost).toBe(String(150n * LLAMA_PICOS_PER_TOKEN));
  });

  it('charges cached input as input where the price has none of its own, and reasoning as output only once', async () => {
    const quantities = { input: 300, cached_input: 512, output: 140, reasoning: 64 };
    await books.recorder.record([anEvent({ subject: 'classes/p', quantities })]);
    expect((await spendOf('classes'))?.cost).toBe(String(1_016n * LLAMA_PICOS_PER_TOKEN));
  });

  it('counts token numbers at the limit without overflow, and cost beyond a 64-bit integer exactly', async () => {
    const quantities = { input: 2 ** 31 - 1, output: 2 ** 31 - 1 };
    await books.database.transaction((tx) =>
      books.prices.publish(tx, {
        model: 'dear',
        entity: null,
        effectiveFrom: new Date('2026-01-01'),
        terms: priceTerms({ input: 10n ** 10n, output: 10n ** 10n }),
        maxInputTokens: null,
        maxOutputTokens: null,
        source: 'test',
        actor: 'test',
      }),
    );
    await books.recorder.record([
      anEvent({ subject: 'huge/p', model: 'dear', quantities }),
      anEvent({ subject: 'huge/p', model: 'dear', quantities }),
    ]);
    expect((await spendOf('huge'))?.cost).toBe(String(4n * BigInt(2 ** 31 - 1) * 10n ** 10n));
  });

  it('keeps the price in force at the time of the usage, whatever was published since', async () => {
    const publish = (effectiveFrom: string, picos: bigint) =>
      books.database.transaction((tx) =>
        books.prices.publish(tx, {
          model: 'changing',
          entity: null,
          effectiveFrom: new Date(effectiveFrom),
          terms: priceTerms({ input: picos, output: picos }),
          maxInputTokens: null,
          maxOutputTokens: null,
          source: 'test',
          actor: 'test',
        }),
      );
    await publish('2026-01-01T00:00:00Z', 1_000n);
    await publish('2026-11-22T11:00:00Z', 3_000n);
    const at = (time: string) =>
      anEvent({ subject: 'changing/p', model: 'changing', occurredAt: new Date(time) });
    await books.recorder.record([at('2026-11-22T10:59:59.999Z'), at('2026-11-22T11:00:00.000Z')]);
    expect((await spendOf('changing'))?.cost).toBe(String(150n * 1_000n + 150n * 3_000n));
  });

  it('gives an unknown entity the plan free and keeps its usage', async () => {
    await books.recorder.record([anEvent({ subject: 'stranger/p' })]);
    const { rows } = await books.postgres.pool.query(`select plan from entities where name = 'stranger'`);
    expect(rows).toEqual([{ plan: 'free' }]);
    expect((await spendOf('stranger'))?.overage).toBe(String(150n * LLAMA_PICOS_PER_TOKEN));
  });
});

describe('burning credits', () => {
  it('takes grants in burn order and books the rest as overage', async () => {
    const costUsd = formatUsd(150n * LLAMA_PICOS_PER_TOKEN);
    const last = await buy('burner', costUsd, { priority: 90 });
    const first = await buy('burner', '0.0001', { priority: 0 });
    const second = await buy('burner', '0.0000005', { category: 'promotional' });
    const notYet = await buy('burner', '1', { effectiveAt: new Date('2026-12-01') });
    const events = Array.from({ length: 3 }, () => anEvent({ subject: 'burner/p' }));
    await books.recorder.record(events);
    const cost = 3n * 150n * LLAMA_PICOS_PER_TOKEN;
    const credits = parseUsd(costUsd, '') + parseUsd('0.0001', '') + parseUsd('0.0000005', '');
    expect(await spendOf('burner')).toEqual({
      cost: String(cost),
      burnt: String(credits),
      overage: String(cost - credits),
    });
    expect(await remainingOf('burner')).toEqual({
      [last.id]: '0',
      [first.id]: '0',
      [second.id]: '0',
      [notYet.id]: '1',
    });
  });

  it('never burns more than there is when many batches of one entity run at once', async () => {
    const grant = await buy('crowd', '0.01');
    const batches = Array.from({ length: 20 }, () =>
      Array.from({ length: 10 }, () => anEvent({ subject: 'crowd/p' })),
    );
    await Promise.all(batches.map((batch) => books.recorder.record(batch)));
    const cost = 200n * 150n * LLAMA_PICOS_PER_TOKEN;
    expect(await spendOf('crowd')).toEqual({
      cost: String(cost),
      burnt: String(parseUsd('0.01', '')),
      overage: String(cost - parseUsd('0.01', '')),
    });
    expect(await remainingOf('crowd')).toEqual({ [grant.id]: '0' });
  });

  it('does not deadlock when batches name the same entities in opposite orders', async () => {
    const subjects = Array.from({ length: 30 }, (_, index) => `order-${index}/p`);
    const events = (names: string[]) => names.map((subject) => anEvent({ subject }));
    const batches = Array.from({ length: 12 }, (_, index) =>
      events(index % 2 === 0 ? subjects : subjects.toReversed()),
    );
    expect(await repeatedToRecord(batches)).toBe(0);
    expect((await spendOf('order-7'))?.cost).toBe(String(12n * 150n * LLAMA_PICOS_PER_TOKEN));
  });

  it('does not deadlock when batches repeat the same events in opposite orders', async () => {
    const events = Array.from({ length: 300 }, () => anEvent({ subject: 'repeated/p' }));
    const batches = Array.from({ length: 12 }, (_, index) =>
      index % 2 === 0 ? events : events.toReversed(),
    );
    expect(await repeatedToRecord(batches)).toBe(0);
    expect((await spendOf('repeated'))?.cost).toBe(String(300n * 150n * LLAMA_PICOS_PER_TOKEN));
  });
});

describe('usage without a price', () => {
  it('is kept, and charged once to credits when its price is published', async () => {
    await buy('early', '1');
    const events = Array.from({ length: 5 }, () => anEvent({ subject: 'early/p', model: 'unreleased' }));
    await books.recorder.record(events);
    expect(await books.unpriced.charge()).toBe(0);
    expect((await spendOf('early'))?.cost).toBe('0');
    await books.database.transaction((tx) =>
      books.prices.publish(tx, {
        model: 'unreleased',
        entity: null,
        effectiveFrom: new Date('2026-11-01'),
        terms: priceTerms({ input: 2_000n, output: 4_000n }),
        maxInputTokens: null,
        maxOutputTokens: null,
        source: 'test',
        actor: 'test',
      }),
    );
    await Promise.all([books.unpriced.charge(), books.unpriced.charge()]);
    const cost = 5n * (100n * 2_000n + 50n * 4_000n);
    expect(await spendOf('early')).toEqual({ cost: String(cost), burnt: String(cost), overage: '0' });
    await books.recorder.record(events);
    expect((await spendOf('early'))?.cost).toBe(String(cost));
  });

  it('charges late usage to the month it occurred in until the grace ends, then to the open month', async () => {
    books.clock.set('2026-12-03T23:59:59Z');
    const late = () => anEvent({ subject: 'late/p', occurredAt: new Date('2026-11-30T23:59:59Z') });
    await books.recorder.record([late()]);
    books.clock.set('2026-12-04T00:00:00Z');
    await books.recorder.record([late()]);
    const one = String(150n * LLAMA_PICOS_PER_TOKEN);
    expect([(await spendOf('late', '2026-11'))?.cost, (await spendOf('late', '2026-12'))?.cost]).toEqual([
      one,
      one,
    ]);
  });
});
