import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityName } from '../../src/domain/ids.js';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import {
  buy,
  expectAgreement,
  leftOf,
  publish,
  spendOf,
  voidEvent,
  voidGrant,
} from '../support/correcting.js';

const DAY = '2026-11-22T00:00:00Z';

let books: Books;
let model: string;
let entity: EntityName;
let count = 0;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
/** A model of the test's own at 2 picodollars a token, so that an event costs 300. */
beforeEach(async () => {
  count += 1;
  [model, entity] = [`model${count}`, `e${count}` as EntityName];
  books.clock.set('2026-11-22T12:00:00Z');
  await publish(books, model, '0.000002');
});
afterEach(() => expectAgreement(books));

const event = (override: Parameters<typeof anEvent>[0] = {}) =>
  anEvent({ subject: `${entity}/p`, model, ...override });

const order = (override: Partial<Parameters<Books['rerating']['rerate']>[0]> = {}) => ({
  model,
  from: new Date('2026-11-01T00:00:00Z'),
  to: new Date('2026-12-01T00:00:00Z'),
  entity: null,
  reason: 'the provider billed less',
  actor: 'key_test',
  ...override,
});

describe('re-rating', () => {
  it('changes nothing where no price was published for the past', async () => {
    await books.recorder.record([event(), event()]);
    await publish(books, model, '0.000009', { from: '2026-11-22T12:00:00Z' });
    expect(await books.rerating.rerate(order())).toEqual({
      lookedAt: 2,
      changed: 0,
      complete: true,
      entities: [],
    });
  });

  it('is never booked in an hour before the one that it corrects', async () => {
    await books.recorder.record([event()]);
    await publish(books, model, '0.000001', { from: DAY });
    books.clock.advance(-3_600_000);
    await expect(books.rerating.rerate(order())).rejects.toThrow(/later hour/);
    expect(await spendOf(books, entity)).toBe('300 = 0 + 300');
    books.clock.advance(3_600_000);
    expect(await books.rerating.rerate(order())).toMatchObject({ changed: 1 });
  });

  it('previews the old and the new cost by entity, and changes nothing by it', async () => {
    await books.recorder.record([event(), event(), anEvent({ subject: `${entity}-2/p`, model })]);
    await publish(books, model, '0.000001', { from: DAY });
    const preview = await books.rerating.preview(order());
    expect(preview).toEqual({
      lookedAt: 3,
      changed: 3,
      complete: true,
      entities: [
        {
          entity,
          events: 2,
          oldPicos: 600n,
          newPicos: 300n,
        },
        {
          entity: `${entity}-2`,
          events: 1,
          oldPicos: 300n,
          newPicos: 150n,
        },
      ],
    });
    expect(await spendOf(books, entity)).toBe('600 = 0 + 600');
    expect(await books.rerating.rerate(order())).toEqual(preview);
  });

  it('gives back what a lower price saves, overage first and then grants in reverse burn order', async () => {
    await buy(books, entity, 100n, { priority: 1 });
    books.clock.advance(1);
    await buy(books, entity, 150n, { priority: 2 });
    await books.recorder.record([event()]);
    expect(await spendOf(books, entity)).toBe('300 = 250 + 50');
    await publish(books, model, '0.000001', { from: DAY });
    await books.rerating.rerate(order());
    expect([await spendOf(books, entity), await leftOf(books, entity)]).toEqual([
      '150 = 150 + 0',
      ['0', '100'],
    ]);
  });

  it('burns credits for a higher price, and books overage where there are none', async () => {
    await buy(books, entity, 400n);
    await books.recorder.record([event()]);
    await publish(books, model, '0.000004', { from: DAY });
    await books.rerating.rerate(order());
    expect([await spendOf(books, entity), await leftOf(books, entity)]).toEqual(['600 = 400 + 200', ['0']]);
  });

  it('keeps the price that rated the event first, and names the new one in one correction for each event', async () => {
    await books.recorder.record([event()]);
    const [first] = await books.database.transaction(async (tx) =>
      (await books.prices.versionsOf(tx, [model])).map(({ id }) => id),
    );
    const newPrice = await publish(books, model, '0.000001', { from: DAY });
    const { rows: before } = await books.postgres.pool.query(`select * from rated_events where entity = $1`, [
      entity,
    ]);
    await books.rerating.rerate(order());
    const { rows } = await books.postgres.pool.query(`select * from rated_events where entity = $1`, [
      entity,
    ]);
    expect(rows).toEqual(before);
    const corrections = await books.corrections.list({ entity, period: '2026-11', after: null, limit: 9 });
    expect(corrections).toEqual([
      expect.objectContaining({
        kind: 'rerate',
        oldPriceId: first,
        newPriceId: newPrice,
        requests: 0n,
        inputTokens: 0n,
        costPicos: -150n,
        overagePicos: -150n,
        reason: 'the provider billed less',
      }),
    ]);
  });

  it('finds nothing to change the second time, and two at once change each event once', async () => {
    await buy(books, entity, 10_000n);
    await books.recorder.record(Array.from({ length: 30 }, () => event()));
    await publish(books, model, '0.000001', { from: DAY });
    const [one, other] = await Promise.all([books.rerating.rerate(order()), books.rerating.rerate(order())]);
    expect(one.changed + other.changed).toBe(30);
    expect(await books.rerating.rerate(order())).toMatchObject({ lookedAt: 30, changed: 0 });
    expect([await spendOf(books, entity), await leftOf(books, entity)]).toEqual([
      '4500 = 4500 + 0',
      ['5500'],
    ]);
  });

  it('corrects more events than one transaction holds', async () => {
    const at = (index: number) => new Date(Date.parse('2026-11-22T01:00:00Z') + Math.floor(index / 3));
    await books.recorder.record(
      Array.from({ length: 1_100 }, (_, index) => event({ occurredAt: at(index) })),
    );
    await publish(books, model, '0.000001', { from: DAY });
    expect(await books.rerating.rerate(order())).toMatchObject({ changed: 1_100, complete: true });
    expect(await spendOf(books, entity)).toBe('165000 = 0 + 165000');
  });

  it('says when it is not complete, and the next call continues with the rest', async () => {
    await books.recorder.record([
      ...Array.from({ length: 4 }, () => event()),
      anEvent({ subject: `${entity}-2/p`, model }),
    ]);
    await publish(books, model, '0.000001', { from: DAY });
    expect(await books.rerating.rerate(order(), { eventsMax: 3 })).toMatchObject({
      changed: 3,
      complete: false,
    });
    await expectAgreement(books);
    expect(await books.rerating.rerate(order(), { eventsMax: 3 })).toMatchObject({
      changed: 2,
      complete: true,
    });
    expect(await books.rerating.rerate(order(), { eventsMax: 3 })).toMatchObject({
      changed: 0,
      complete: true,
    });
  });

  it('can be repeated for another price, up and down, and the event voided in the end', async () => {
    await buy(books, entity, 350n);
    const [only] = [event()];
    await books.recorder.record([only]);
    for (const [usdPerMillion, from] of [
      ['0.000005', '2026-11-22T00:00:01Z'],
      ['0.000001', '2026-11-22T00:00:02Z'],
      ['0.000003', '2026-11-22T00:00:03Z'],
    ] as const) {
      await publish(books, model, usdPerMillion, { from });
      books.clock.advance(3_600_000);
      await books.posting.post();
      expect(await books.rerating.rerate(order())).toMatchObject({ changed: 1 });
      await expectAgreement(books);
    }
    expect([await spendOf(books, entity), await leftOf(books, entity)]).toEqual(['450 = 350 + 100', ['0']]);
    await voidEvent(books, only);
    expect([await spendOf(books, entity), await leftOf(books, entity)]).toEqual(['0 = 0 + 0', ['350']]);
  });

  it('keeps to its range, its entity, and to the price agreed with the entity', async () => {
    const early = event({ occurredAt: new Date('2026-11-21T23:59:59.999Z') });
    await books.recorder.record([early, event(), anEvent({ subject: `${entity}-2/p`, model })]);
    await publish(books, model, '0.000001', { from: '2026-11-01T00:00:00Z' });
    await publish(books, model, '0.000003', { from: '2026-11-01T00:00:00Z', entity: `${entity}-2` });
    const from = new Date(DAY);
    expect(await books.rerating.rerate(order({ entity, from }))).toMatchObject({ lookedAt: 1, changed: 1 });
    expect(await spendOf(books, entity)).toBe('450 = 0 + 450');
    expect(await spendOf(books, `${entity}-2`)).toBe('300 = 0 + 300');
    await books.rerating.rerate(order());
    expect([await spendOf(books, entity), await spendOf(books, `${entity}-2`)]).toEqual([
      '300 = 0 + 300',
      '450 = 0 + 450',
    ]);
  });

  it('skips what is voided and what was never charged', async () => {
    const [wrong, unpriced] = [event(), event({ model: `${model}-unpriced` })];
    await books.recorder.record([wrong, unpriced]);
    await voidEvent(books, wrong);
    await publish(books, model, '0.000001', { from: DAY });
    expect(await books.rerating.rerate(order({ entity }))).toMatchObject({ lookedAt: 1, changed: 0 });
    expect(await books.rerating.rerate(order({ entity, model: unpriced.model }))).toMatchObject({
      lookedAt: 1,
      changed: 0,
    });
  });

  it('pays for one event with what comes back from another, but not with what comes back to a voided grant', async () => {
    const times = ['2026-11-22T01:00:00Z', '2026-11-22T02:00:00Z'] as const;
    const other = `${entity}-2`;
    for (const name of [entity, other]) {
      const grant = await buy(books, name, 600n);
      await books.recorder.record(
        times.map((time) => event({ subject: `${name}/p`, occurredAt: new Date(time) })),
      );
      if (name === other) await voidGrant(books, grant);
    }
    await publish(books, model, '0.000001', { from: times[0] });
    await publish(books, model, '0.000003', { from: times[1] });
    expect(await books.rerating.rerate(order())).toMatchObject({ changed: 4 });
    expect([await spendOf(books, entity), await leftOf(books, entity)]).toEqual(['600 = 600 + 0', ['0']]);
    expect([await spendOf(books, other), await leftOf(books, other)]).toEqual(['600 = 450 + 150', ['0']]);
  });

  it('of a period that is over is booked in the open one', async () => {
    books.clock.set('2027-03-31T12:00:00Z');
    await books.recorder.record([event({ occurredAt: books.clock.now() })]);
    books.clock.set('2027-04-10T00:00:00Z');
    await publish(books, model, '0.000003', { from: '2027-03-01T00:00:00Z' });
    await books.rerating.rerate(order({ from: new Date('2027-03-01'), to: new Date('2027-04-01') }));
    expect([await spendOf(books, entity, '2027-03'), await spendOf(books, entity, '2027-04')]).toEqual([
      '300 = 0 + 300',
      '150 = 0 + 150',
    ]);
  });

  it('is in the audit log with the number of events and the amounts', async () => {
    await books.recorder.record([event(), event()]);
    await publish(books, model, '0.000001', { from: DAY });
    await books.rerating.rerate(order());
    const { rows } = await books.postgres.pool.query(
      `select actor, target, before, after from audit_log where entity = $1 and action = 'prices.rerate'`,
      [entity],
    );
    expect(rows).toEqual([
      {
        actor: 'key_test',
        target: model,
        before: expect.objectContaining({
          events: 2,
          cost_picos: '600',
        }),
        after: {
          cost_picos: '300',
          reason: 'the provider billed less',
        },
      },
    ]);
  });
});
