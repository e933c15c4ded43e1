/** Usage stops waiting for a price when it is voided, or charged by whatever way. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { expectAgreement, voidEvent } from '../support/correcting.js';
import { publish } from '../support/price-books.js';
import { priceTerms } from '../support/prices.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

const waitingFor = (model: string) =>
  books.prices.listUnpriced({ model, entity: null, after: null, limit: 10 });

describe('usage that counts nothing but its request, of a model without a price', () => {
  it('waits for nothing once it is voided', async () => {
    const event = anEvent({ subject: 'empty/p', model: 'voided-empty', quantities: {} });
    await books.recorder.record([event]);
    expect(await waitingFor(event.model)).toMatchObject([{ events: 1n }]);
    await voidEvent(books, event);
    expect(await waitingFor(event.model)).toEqual([]);
    const price = await publish(books, { model: event.model, terms: priceTerms({ request: 5n }) });
    expect(price).toMatchObject({
      chargedEvents: 0,
      waitingEvents: 0,
      effectiveFrom: books.clock.databaseNow(),
    });
    await expectAgreement(books);
  });

  it('waits for nothing once a correction has charged it in a later period', async () => {
    const event = anEvent({ subject: 'empty/p', model: 'later-empty', quantities: {} });
    await books.recorder.record([event]);
    books.clock.set('2026-12-20T12:00:00Z');
    const effectiveFrom = new Date('2026-11-01');
    await publish(books, { model: event.model, terms: priceTerms({ request: 5n }), effectiveFrom });
    expect(await books.unpriced.charge()).toBe(1);
    expect(await waitingFor(event.model)).toEqual([]);
    expect(await books.unpriced.charge()).toBe(0);
    await expectAgreement(books);
    books.clock.set('2026-11-22T12:00:00Z');
  });
});

describe('charging what waited', () => {
  it('names a tier that the price does not know, as counting does', async () => {
    const plain = anEvent({ subject: 'tiers/p', model: 'late-tier', serviceTier: 'flex' });
    const unread = ['odd_tokens'];
    const odd = anEvent({
      subject: 'tiers/p',
      model: 'late-tier',
      serviceTier: 'flex',
      region: 'eu',
      unread,
    });
    const known = anEvent({ subject: 'tiers/p', model: 'late-tier' });
    await books.recorder.record([plain, odd, known]);
    await publish(books, { model: 'late-tier' });
    expect(await books.unpriced.charge()).toBe(3);
    const { rows } = await books.postgres.pool.query(
      `select id, details from rated_events where entity = 'tiers'`,
    );
    expect(new Map(rows.map(({ id, details }) => [id, details]))).toEqual(
      new Map([
        [plain.id, { unread: ['service_tier'] }],
        [odd.id, { region: 'eu', unread: ['odd_tokens', 'service_tier'] }],
        [known.id, null],
      ]),
    );
  });
});
