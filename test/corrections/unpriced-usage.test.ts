import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { publish } from '../support/correcting.js';
import { priceTerms } from '../support/prices.js';
import type { PriceTermsBody } from '../../src/prices/price-terms.schema.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

describe('charging usage whose price came later', () => {
  it('burns the allowance of the month even when nothing else has asked for it in that month', async () => {
    const { pool } = books.postgres;
    await pool.query(
      `insert into plans (name, overage, monthly_credit_picos) values ('gift', 'allowed', 5000000000000)`,
    );
    await pool.query(`insert into entities (name, plan, created_at) values ('gifted', 'free', now())`);
    await books.recorder.record([anEvent({ subject: 'gifted/p', model: 'late' })]);
    await pool.query(`update entities set plan = 'gift' where name = 'gifted'`);
    await books.database.transaction((tx) =>
      books.prices.publish(tx, {
        model: 'late',
        entity: null,
        effectiveFrom: new Date('2026-11-01'),
        terms: priceTerms({ input: 1_000n, output: 1_000n }),
        maxInputTokens: null,
        maxOutputTokens: null,
        source: 'test',
        actor: 'test',
      }),
    );
    expect(await books.unpriced.charge()).toBe(1);
    const [grant] = await books.grants.of(books.database.reader, 'gifted');
    expect(grant).toMatchObject({ burntPicos: 150_000n });
    expect((await books.reconciliation.run()).ok).toBe(true);
  });

  describe('of single meters', () => {
    const NOVEMBER = new Date('2026-11-01');
    const price = (model: string, terms: PriceTermsBody, effectiveFrom: Date | null) =>
      books.database.transaction((tx) =>
        books.prices.publish(tx, {
          model,
          entity: null,
          effectiveFrom,
          terms,
          maxInputTokens: null,
          maxOutputTokens: null,
          source: 'test',
          actor: 'test',
        }),
      );
    const rowOf = async (id: string) =>
      (
        await books.postgres.pool.query(
          `select cost_picos::text as cost, unpriced_meters as waits from rated_events where id = $1`,
          [id],
        )
      ).rows[0];
    const spent = async (entity: string) =>
      (
        await books.postgres.pool.query(
          'select cost_picos::text as cost from entity_spend where entity = $1',
          [entity],
        )
      ).rows[0].cost;

    it('charges the rest at once, and the meter when a version in force for the usage has its price', async () => {
      await price('searching', priceTerms({ input: 2n, output: 3n }), NOVEMBER);
      const quantities = { input: 10, output: 5, search: 4, page: 1 };
      const event = anEvent({ subject: 'searcher/p', model: 'searching', quantities });
      expect(await books.recorder.record([event])).toMatchObject({ unpriced: 1 });
      expect(await rowOf(event.id)).toEqual({ cost: '35', waits: ['search', 'page'] });
      expect(await books.unpriced.charge()).toBe(0);
      const later = new Date(event.occurredAt.getTime() - 60_000);
      await price('searching', priceTerms({ input: 7n, output: 7n, search: 1_000n }), later);
      expect(await books.unpriced.charge()).toBe(1);
      // The event keeps the prices that charged it, and its row what it was first charged.
      expect(await spent('searcher')).toBe('4035');
      expect(await rowOf(event.id)).toEqual({ cost: '35', waits: ['page'] });
      expect(await books.unpriced.charge()).toBe(0);
      expect((await books.reconciliation.run()).ok).toBe(true);
    });

    it('charges a meter that no version priced before by the first one that does, though it begins later', async () => {
      await price('first-searches', priceTerms({ input: 2n, output: 3n }), NOVEMBER);
      const quantities = { input: 1, search: 2 };
      const event = anEvent({ subject: 'first-searcher/p', model: 'first-searches', quantities });
      await books.recorder.record([event]);
      await price('first-searches', priceTerms({ input: 9n, output: 9n, search: 50n }), null);
      expect(await books.unpriced.charge()).toBe(1);
      expect(await spent('first-searcher')).toBe('102');
      expect(await rowOf(event.id)).toEqual({ cost: '2', waits: null });
      expect((await books.reconciliation.run()).ok).toBe(true);
    });

    it('charges the request as such of usage that counts nothing else, once its model has a price', async () => {
      const event = anEvent({ subject: 'asking/p', model: 'by-request', quantities: {} });
      expect(await books.recorder.record([event])).toMatchObject({ unpriced: 1 });
      await price('by-request', priceTerms({ request: 70n }), NOVEMBER);
      expect(await books.unpriced.charge()).toBe(1);
      expect([await spent('asking'), await rowOf(event.id)]).toEqual(['70', { cost: '70', waits: null }]);
      expect((await books.reconciliation.run()).ok).toBe(true);
    });

    it('is not waited for by usage that was voided, and is part of what a re-rating charges', async () => {
      await price('rerated-searches', priceTerms({ input: 2n, output: 3n }), NOVEMBER);
      const event = anEvent({
        subject: 'rerated/p',
        model: 'rerated-searches',
        quantities: { input: 1, search: 2 },
      });
      await books.recorder.record([event]);
      await price('rerated-searches', priceTerms({ input: 3n, output: 3n, search: 10n }), event.occurredAt);
      const order = { model: event.model, entity: event.entity, reason: 'test', actor: 'test' };
      const range = { from: NOVEMBER, to: new Date('2026-12-01') };
      expect(await books.rerating.rerate({ ...order, ...range })).toMatchObject({ changed: 1 });
      expect(await spent('rerated')).toBe('23');
      expect(await rowOf(event.id)).toEqual({ cost: '2', waits: null });
      expect(await books.unpriced.charge()).toBe(0);
      expect((await books.reconciliation.run()).ok).toBe(true);
    });
  });

  it('is never booked in an hour that was posted while it waited', async () => {
    const of = (model: string) => anEvent({ subject: 'waits/p', model });
    await publish(books, 'priced', '1');
    await books.recorder.record([of('priced'), of('priced-later')]);
    await publish(books, 'priced-later', '1');
    books.clock.advance(3_600_000);
    await books.posting.post();
    books.clock.advance(-3_600_000);
    await expect(books.unpriced.charge()).rejects.toThrow(/hour is posted/);
    books.clock.advance(3_600_000);
    expect(await books.unpriced.charge()).toBe(1);
    expect((await books.reconciliation.run()).ok).toBe(true);
  });
});
