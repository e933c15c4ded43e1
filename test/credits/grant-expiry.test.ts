import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityName } from '../../src/domain/ids.js';
import { parseUsd } from '../../src/domain/money.js';
import type { Period } from '../../src/domain/period.js';
import { Statements } from '../../src/periods/statements.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent } from '../support/builders.js';
import { buy, expectAgreement, leftOf, ledgerOf, publish, spendOf } from '../support/correcting.js';

let books: Books;
beforeEach(async () => (books = await theBooks()));
afterEach(async () => {
  await expectAgreement(books);
  await books.close();
});

/** 150 tokens for a picodollar each. */
const MODEL = 'one-pico';
const NOVEMBER = '2026-11' as Period;
const event = (occurredAt: string) =>
  anEvent({ subject: 'expirer/p', model: MODEL, occurredAt: new Date(occurredAt) });

/** With an allowance of 400 picodollars, of which November has used 150. */
async function anEntityWithAnAllowance(): Promise<void> {
  await publish(books, MODEL, '0.000001');
  await books.postgres.pool.query(
    `insert into plans (name, overage, monthly_credit_picos) values ('gift', 'allowed', 400)`,
  );
  await books.postgres.pool.query(
    `insert into entities (name, plan, created_at) values ('expirer', 'gift', $1)`,
    [books.clock.now()],
  );
  await books.recorder.record([event('2026-11-22T11:30:00Z')]);
}

describe('the expiry of grants', () => {
  it('writes off what is left of an expired grant once, even when two workers do it at the same time', async () => {
    await buy(books, 'expirer', parseUsd('1', ''), {
      expiresAt: new Date(books.clock.now().getTime() + 60_000),
    });
    books.clock.advance(60_000 + 72 * 3_600_000 - 1);
    expect(await books.expiry.expire()).toBe(0);
    books.clock.advance(1);
    await Promise.all([books.expiry.expire(), books.expiry.expire()]);
    const [grant] = await books.grants.of(books.database.reader, 'expirer');
    expect(grant).toMatchObject({ remainingPicos: 0n, expiredPicos: parseUsd('1', '') });
    expect(await ledgerOf(books, 'expirer')).toEqual([
      'purchase 1000000000000 2026-11',
      'expiry 1000000000000 2026-11',
    ]);
  });

  it('leaves an allowance 72 hours for usage of its month; from then on such usage is overage, written off or not', async () => {
    await anEntityWithAnAllowance();
    books.clock.set('2026-12-03T23:59:59.999Z');
    await books.expiry.expire();
    await books.recorder.record([event('2026-11-30T23:59:59.999Z')]);
    expect([await leftOf(books, 'expirer'), await spendOf(books, 'expirer')]).toEqual([
      ['100', '400'],
      '300 = 300 + 0',
    ]);
    books.clock.set('2026-12-04T00:00:00Z');
    await books.recorder.record([event('2026-11-30T23:59:59.998Z')]);
    expect(await spendOf(books, 'expirer', '2026-12')).toBe('150 = 0 + 150');
    expect(await leftOf(books, 'expirer')).toEqual(['100', '400']);
    await books.expiry.expire();
    expect(await leftOf(books, 'expirer')).toEqual(['0', '400']);
  });

  it.each(['expiry first', 'close first'])(
    'belongs to the month in which it is booked, so the statement of the allowance is the same with the %s',
    async (order) => {
      await anEntityWithAnAllowance();
      books.clock.set('2026-12-04T00:00:00Z');
      if (order === 'expiry first') await books.expiry.expire();
      await books.periods.closePeriods();
      if (order === 'close first') await books.expiry.expire();
      expect(await books.periods.find({ entity: 'expirer', period: NOVEMBER })).toMatchObject({
        openingPicos: 0n,
        promotedPicos: 400n,
        burntPicos: 150n,
        expiredPicos: 0n,
        closingPicos: 250n,
      });
      const statements = new Statements(books.database.lagging, books.clock, {
        name: 'Tally',
        address: null,
      });
      const read = (period: string) =>
        statements.read({ entity: 'expirer' as EntityName, period: period as Period });
      const lines = async (period: string) =>
        (await read(period)).credits.lines.map(({ kind, exactPicos }) => `${kind} ${exactPicos}`);
      expect(await lines('2026-11')).toEqual(['opening_balance 0', 'promotion 400', 'burn -150']);
      expect(await lines('2026-12')).toEqual(['opening_balance 250', 'promotion 400', 'expiry -250']);
    },
  );

  it('takes what a correction gives back to a grant whose grace is over with the next run', async () => {
    await anEntityWithAnAllowance();
    books.clock.set('2026-12-04T00:00:00Z');
    await books.expiry.expire();
    await publish(books, MODEL, '0', { from: '2026-11-01T00:00:00Z' });
    await books.rerating.rerate({
      model: MODEL,
      from: new Date('2026-11-01'),
      to: books.clock.now(),
      entity: null,
      reason: 'r',
      actor: 't',
    });
    const kept = await leftOf(books, 'expirer');
    expect(kept[0]).toBe('150');
    expect(await books.expiry.expire()).toBe(1);
    expect((await leftOf(books, 'expirer'))[0]).toBe('0');
  });
});

describe('a correction', () => {
  it('that is booked in the grace charges what the allowance of the month still has; later it charges others', async () => {
    await anEntityWithAnAllowance();
    books.clock.set('2026-12-02T00:00:00Z');
    const rerate = async (usdPerMillion: string, from: string) => {
      await publish(books, MODEL, usdPerMillion, { from });
      const range = { from: new Date('2026-11-01'), to: books.clock.now(), entity: null };
      await books.rerating.rerate({ model: MODEL, ...range, reason: 'r', actor: 't' });
    };
    await rerate('0.000002', '2026-11-01T00:00:00Z');
    expect(await spendOf(books, 'expirer')).toBe('300 = 300 + 0');
    books.clock.set('2026-12-04T00:00:00Z');
    await rerate('0.000003', '2026-11-02T00:00:00Z');
    expect(await spendOf(books, 'expirer', '2026-12')).toBe('150 = 0 + 150');
    await buy(books, 'expirer', 1_000n);
    await rerate('0.000004', '2026-11-03T00:00:00Z');
    expect(await spendOf(books, 'expirer', '2026-12')).toBe('300 = 150 + 150');
  });
});
