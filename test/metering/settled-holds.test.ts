import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anEvent, LLAMA } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy, expectAgreement } from '../support/correcting.js';
import { anOrder, aSubject } from '../support/quota.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

describe('an event that names a reservation', () => {
  it('ends its hold when it is counted, and when it is a conflict, however often it comes', async () => {
    const subject = aSubject('contradicted/p');
    await buy(books, subject.entity, 1_000_000_000_000n);
    const hold = async (requestId: string) => {
      const order = anOrder({ subject: 'contradicted/p', model: LLAMA, maxOutputTokens: 1, requestId });
      const decision = await books.quota.reserve(order);
      if (!decision.allowed) throw new Error('there are credits');
      return decision.reservation.id;
    };
    const holds = async () => (await books.quota.held(subject.entity))?.requestCount;
    const [first, second] = [await hold('r1'), await hold('r2')];
    const event = { ...anEvent({ subject: 'contradicted/p' }), reservationId: first };
    const other = { ...event, reservationId: second };
    await books.recorder.record([event, other]);
    expect(await holds()).toBe(0);
    const third = await hold('r3');
    await books.recorder.record([other]);
    expect(await holds()).toBe(1);
    await books.recorder.record([{ ...other, id: 'of-its-own', reservationId: third }]);
    expect(await holds()).toBe(0);
    await expectAgreement(books);
  });
});
