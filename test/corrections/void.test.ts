import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../src/domain/buckets.js';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import {
  buy,
  expectAgreement,
  ledgerOf,
  leftOf,
  publish,
  spendOf,
  voidEvent,
  voidGrant,
} from '../support/correcting.js';

/** 150 tokens for a picodollar each. */
const MODEL = 'one-pico';

let books: Books;
let entity: string;
let count = 0;
beforeAll(async () => {
  books = await theBooks();
  await publish(books, MODEL, '0.000001');
});
afterAll(() => books.close());
beforeEach(() => {
  entity = `e${(count += 1)}`;
});
afterEach(() => expectAgreement(books));

const event = (override: Parameters<typeof anEvent>[0] = {}) =>
  anEvent({ subject: `${entity}/p`, model: MODEL, occurredAt: books.clock.now(), ...override });

const usageOf = async (entity: string): Promise<unknown[]> =>
  (
    await books.postgres.pool.query(
      `select period, requests::int, cost_picos::text as cost from hourly_usage where entity = $1 order by period`,
      [entity],
    )
  ).rows;

describe('voiding an event', () => {
  it('takes tokens, cost and burns out of the books, and leaves the event’s row as it was', async () => {
    await buy(books, entity, 1_000n);
    const [wrong, right] = [event(), event()];
    await books.recorder.record([wrong, right]);
    const rowOf = async () =>
      (await books.postgres.pool.query(`select * from rated_events where id = $1`, [wrong.id])).rows;
    const before = await rowOf();
    expect(await voidEvent(books, wrong)).toMatchObject({
      kind: 'void',
      entity,
      project: 'p',
      model: MODEL,
      source: wrong.source,
      eventId: wrong.id,
      period: '2026-11',
      correctedPeriod: '2026-11',
      requests: -1n,
      inputTokens: -100n,
      outputTokens: -50n,
      costPicos: -150n,
      overagePicos: 0n,
      reason: 'wrong model',
      actor: 'key_test',
    });
    expect([await spendOf(books, entity), await leftOf(books, entity)]).toEqual(['150 = 150 + 0', ['850']]);
    expect(await usageOf(entity)).toEqual([{ period: '2026-11', requests: 1, cost: '150' }]);
    expect(await rowOf()).toEqual(before);
  });

  it('leaves no empty roll-up where it was the only event', async () => {
    const only = event();
    await books.recorder.record([only]);
    await voidEvent(books, only);
    expect([await usageOf(entity), await spendOf(books, entity)]).toEqual([[], '0 = 0 + 0']);
  });

  it('changes nothing the second time and answers the same; two at once void it once', async () => {
    await buy(books, entity, 1_000n);
    const wrong = event();
    await books.recorder.record([wrong, event()]);
    const answers = await Promise.all([voidEvent(books, wrong), voidEvent(books, wrong)]);
    expect(answers[1]).toEqual(answers[0]);
    books.clock.advance(HOUR_MS);
    expect(await voidEvent(books, wrong)).toEqual(answers[0]);
    expect(await leftOf(books, entity)).toEqual(['850']);
    const { rows } = await books.postgres.pool.query(
      `select count(*)::int as voids from audit_log where entity = $1 and action = 'usage_events.void'`,
      [entity],
    );
    expect(rows).toEqual([{ voids: 1 }]);
  });

  it('is audited by the id and the source that the event came with', async () => {
    const wrong = event();
    await books.recorder.record([wrong]);
    await voidEvent(books, wrong);
    const { rows } = await books.postgres.pool.query(
      `select target, before, after from audit_log where entity = $1 and action = 'usage_events.void'`,
      [entity],
    );
    const source = wrong.source;
    expect(rows).toEqual([
      {
        target: wrong.id,
        before: { source, cost_picos: expect.any(String) },
        after: { source, cost_picos: '0', reason: expect.any(String) },
      },
    ]);
  });

  it('is not undone when the event arrives again', async () => {
    const wrong = event();
    await books.recorder.record([wrong]);
    await voidEvent(books, wrong);
    expect(await books.recorder.record([wrong])).toMatchObject({ recorded: 0, duplicates: 1 });
    expect(await spendOf(books, entity)).toBe('0 = 0 + 0');
  });

  it('gives each grant back what it paid, and cancels the overage', async () => {
    await buy(books, entity, 100n, { priority: 1 });
    books.clock.advance(1);
    await buy(books, entity, 30n, { priority: 2, category: 'promotional' });
    const first = event();
    await books.recorder.record([first]);
    expect(await leftOf(books, entity)).toEqual(['0', '0']);
    await books.recorder.record([event()]);
    expect(await spendOf(books, entity)).toBe('300 = 130 + 170');
    const { burns, overagePicos } = await voidEvent(books, first);
    expect([Object.values(burns).toSorted(), overagePicos]).toEqual([['-100', '-30'], -20n]);
    expect([await leftOf(books, entity), await spendOf(books, entity)]).toEqual([
      ['100', '30'],
      '150 = 0 + 150',
    ]);
  });

  it('corrects burns that are posted and burns of the open hour, each with an entry that names the burn', async () => {
    await buy(books, entity, 200n);
    const [early, late] = [event(), event()];
    await books.recorder.record([early]);
    books.clock.advance(HOUR_MS);
    await books.posting.post();
    await books.recorder.record([late]);
    await voidEvent(books, early);
    await voidEvent(books, late);
    await expectAgreement(books);
    expect(await ledgerOf(books, entity)).toEqual(['purchase 200 2026-11', 'burn 150 2026-11']);
    books.clock.advance(HOUR_MS);
    await Promise.all([books.posting.post(), books.posting.post()]);
    const { rows } = await books.postgres.pool.query(
      `select l.kind, l.amount_picos::text as amount, o.kind as corrects, o.booked_hour = l.booked_hour as same_hour
       from ledger_entries l left join ledger_entries o on o.id = l.corrects where l.entity = $1 order by l.id`,
      [entity],
    );
    expect(rows.slice(2)).toEqual([
      { kind: 'burn', amount: '50', corrects: null, same_hour: null },
      { kind: 'overage', amount: '100', corrects: null, same_hour: null },
      { kind: 'burn_reversal', amount: '150', corrects: 'burn', same_hour: false },
      { kind: 'burn_reversal', amount: '50', corrects: 'burn', same_hour: true },
      { kind: 'overage_reversal', amount: '100', corrects: 'overage', same_hour: true },
    ]);
    expect([await leftOf(books, entity), await spendOf(books, entity)]).toEqual([['200'], '0 = 0 + 0']);
  });

  it('is never booked in an hour before the one that it corrects', async () => {
    const wrong = event();
    await books.recorder.record([wrong]);
    books.clock.advance(-HOUR_MS);
    await expect(voidEvent(books, wrong)).rejects.toThrow(/later hour/);
    books.clock.advance(HOUR_MS);
    expect(await voidEvent(books, wrong)).toMatchObject({ costPicos: -150n });
  });

  it('is never booked in an hour that was posted while it waited', async () => {
    await buy(books, entity, 300n);
    const [first, second] = [event(), event()];
    await books.recorder.record([first, second]);
    await voidEvent(books, first);
    books.clock.advance(HOUR_MS);
    await books.posting.post();
    books.clock.advance(-HOUR_MS);
    await expect(voidEvent(books, second)).rejects.toThrow(/hour is posted/);
    books.clock.advance(HOUR_MS);
    expect(await voidEvent(books, second)).toMatchObject({ costPicos: -150n });
    expect(await leftOf(books, entity)).toEqual(['300']);
  });

  it('gives nothing back to be spent where the grant was voided meanwhile, even an empty one', async () => {
    const grant = await buy(books, entity, 150n);
    const wrong = event();
    await books.recorder.record([wrong]);
    await voidGrant(books, grant);
    await voidEvent(books, wrong);
    const [after] = await books.grants.of(books.database.reader, entity);
    expect(after).toMatchObject({ remainingPicos: 0n, burntPicos: 0n, voidedPicos: 150n });
  });

  it('gives back to an expired grant what pays late usage from before its expiry, until 72 hours later', async () => {
    await buy(books, entity, 150n, { expiresAt: new Date(books.clock.now().getTime() + HOUR_MS) });
    const wrong = event();
    await books.recorder.record([wrong]);
    books.clock.advance(HOUR_MS);
    await voidEvent(books, wrong);
    await books.recorder.record([event()]);
    expect(await spendOf(books, entity)).toBe('150 = 0 + 150');
    const late = event({ occurredAt: new Date(books.clock.now().getTime() - 1) });
    await books.recorder.record([late]);
    expect(await spendOf(books, entity)).toBe('300 = 150 + 150');
    books.clock.advance(72 * HOUR_MS);
    await voidEvent(books, late);
    await books.recorder.record([event({ occurredAt: late.occurredAt })]);
    expect(await spendOf(books, entity)).toBe('300 = 0 + 300');
    await books.expiry.expire();
    expect((await books.grants.of(books.database.reader, entity))[0]).toMatchObject({
      remainingPicos: 0n,
      expiredPicos: 150n,
    });
  });

  it('keeps usage that had no price from being charged when the price comes', async () => {
    const wrong = event({ model: `unpriced-${entity}` });
    await books.recorder.record([wrong, event({ model: `unpriced-${entity}` })]);
    await voidEvent(books, wrong);
    await publish(books, `unpriced-${entity}`, '0.000001');
    expect([await books.unpriced.charge(), await books.unpriced.charge()]).toEqual([1, 0]);
    expect(await spendOf(books, entity)).toBe('150 = 0 + 150');
  });

  it('gives back usage that was charged after its hour, when its price came', async () => {
    await buy(books, entity, 150n);
    const wrong = event({ model: `unpriced-${entity}` });
    await books.recorder.record([wrong]);
    books.clock.advance(5 * HOUR_MS);
    await publish(books, `unpriced-${entity}`, '0.000001');
    await books.unpriced.charge();
    await voidEvent(books, wrong);
    books.clock.advance(HOUR_MS);
    await books.posting.post();
    const { rows } = await books.postgres.pool.query(
      `select count(*)::int as named from ledger_entries where entity = $1 and kind = 'burn_reversal' and corrects is not null`,
      [entity],
    );
    expect([rows, await leftOf(books, entity)]).toEqual([[{ named: 1 }], ['150']]);
  });

  it('is in force for the next quota decision', async () => {
    await buy(books, entity, 10_050n);
    const subject = { entity: event().entity, project: event().project };
    const wrong = event({ quantities: { input: 10_000, output: 50 } });
    await books.recorder.record([wrong]);
    expect((await books.quota.check(subject)).allowed).toBe(false);
    await voidEvent(books, wrong);
    await books.quota.publish([subject]);
    expect((await books.quota.check(subject)).allowed).toBe(true);
  });

  it('finds an event whose identity is pruned by its time, and asks for the time without it', async () => {
    const wrong = event();
    await books.recorder.record([wrong]);
    await books.postgres.pool.query(`delete from usage_identities where occurred_at = $1`, [
      wrong.occurredAt,
    ]);
    await expect(voidEvent(books, wrong)).rejects.toMatchObject({ code: 'not_found' });
    await expect(voidEvent(books, wrong)).rejects.toThrow(/name the "time"/);
    expect(await voidEvent(books, wrong, wrong.occurredAt)).toMatchObject({ costPicos: -150n });
    await books.postgres.pool.query(
      `insert into usage_identities select identity, occurred_at from rated_events
       on conflict do nothing`,
    );
  });

  it('of an event whose period is over is booked in the open one and names the original', async () => {
    books.clock.set('2026-11-30T12:00:00Z');
    await buy(books, entity, 100n);
    const wrong = event();
    await books.recorder.record([wrong]);
    const before = await spendOf(books, entity, '2026-11');
    books.clock.set('2026-12-04T00:00:00Z');
    expect(await voidEvent(books, wrong)).toMatchObject({ period: '2026-12', correctedPeriod: '2026-11' });
    expect([await spendOf(books, entity, '2026-11'), before]).toEqual([before, '150 = 100 + 50']);
    expect([await spendOf(books, entity, '2026-12'), await leftOf(books, entity)]).toEqual([
      '-150 = -100 + -50',
      ['100'],
    ]);
    expect(await usageOf(entity)).toEqual([
      { period: '2026-11', requests: 1, cost: '150' },
      { period: '2026-12', requests: -1, cost: '-150' },
    ]);
    books.clock.set('2026-12-04T01:00:00Z');
    await books.posting.post();
    expect((await ledgerOf(books, entity)).slice(-2)).toEqual([
      'burn_reversal 100 2026-12',
      'overage_reversal 50 2026-12',
    ]);
  });
});
