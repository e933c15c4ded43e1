import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { expectAgreement, publish, voidEvent } from '../support/correcting.js';

/** 150 tokens for a picodollar each. */
const MODEL = 'one-pico';

const entity = 'corrected';
let books: Books;
beforeAll(async () => {
  books = await theBooks();
  await publish(books, MODEL, '0.000001');
});
afterAll(() => books.close());
afterEach(() => expectAgreement(books));

const event = (override: Parameters<typeof anEvent>[0] = {}) =>
  anEvent({ subject: `${entity}/p`, model: MODEL, occurredAt: books.clock.now(), ...override });

describe('the list of corrections', () => {
  it('shows voids and late usage of a period with the period that they correct, newest first, in pages', async () => {
    books.clock.set('2027-01-20T00:00:00Z');
    const january = event();
    await books.recorder.record([january]);
    books.clock.set('2027-02-05T00:00:00Z');
    const late = event({ occurredAt: new Date('2027-01-31T23:00:00Z') });
    await books.recorder.record([late, event({ occurredAt: new Date('2027-02-01T00:00:00Z') })]);
    books.clock.advance(1);
    await voidEvent(books, january);
    const rows = await books.corrections.list({ entity, period: '2027-02', after: null, limit: 10 });
    expect(rows.map(({ kind, correctedPeriod, costPicos }) => [kind, correctedPeriod, costPicos])).toEqual([
      ['void', '2027-01', -150n],
      ['late_usage', '2027-01', 150n],
    ]);
    expect(rows[1]).toMatchObject({
      eventId: late.id,
      source: late.source,
      reason: null,
      overagePicos: 150n,
    });
    const after = rows[0]!.id;
    expect(await books.corrections.list({ entity, period: null, after, limit: 1 })).toEqual([rows[1]]);
    expect(await books.corrections.list({ entity, period: '2027-01', after: null, limit: 9 })).toEqual([]);
    expect(await books.corrections.list({ entity: 'nobody', period: null, after: null, limit: 9 })).toEqual(
      [],
    );
  });

  it('is filtered by kind and by the time of the booking, and shows one by its id', async () => {
    const page = { entity, period: null, after: null, limit: 10 };
    const all = await books.corrections.list(page);
    const [voided, late] = all;
    expect(await books.corrections.list({ ...page, kind: 'void' })).toEqual([voided]);
    expect(await books.corrections.list({ ...page, kind: 'late_usage' })).toEqual([late]);
    expect(await books.corrections.list({ ...page, kind: 'rerate' })).toEqual([]);
    expect(await books.corrections.list({ ...page, from: voided!.bookedAt })).toEqual([voided]);
    expect(await books.corrections.list({ ...page, to: voided!.bookedAt })).toEqual([late]);
    for (const row of all) expect(await books.corrections.find(row.id)).toEqual(row);
  });

  it.each(['0', 'none', '', '99999999999999999999', '00000000-0000-0000-0000-000000000000'])(
    'has none with the id "%s", and no page after it',
    async (id) => {
      expect(await books.corrections.find(id)).toBeNull();
      const page = books.corrections.list({ entity, period: null, after: id, limit: 10 });
      await expect(page).rejects.toMatchObject({ code: 'invalid_request', param: 'after' });
    },
  );

  it('has no page of one entity after a correction of another', async () => {
    const [row] = await books.corrections.list({ entity, period: null, after: null, limit: 1 });
    const page = books.corrections.list({ entity: 'another', period: null, after: row!.id, limit: 10 });
    await expect(page).rejects.toMatchObject({ code: 'invalid_request', param: 'after' });
  });
});
