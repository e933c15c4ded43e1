/** A process may count usage and die before it publishes the states. The next run of the job publishes them. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anEvent, LLAMA } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy, expectAgreement } from '../support/correcting.js';
import { anOrder, aSubject } from '../support/quota.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
beforeEach(() => books.clock.set('2026-11-22T12:00:00Z'));
afterEach(() => expectAgreement(books));

describe('a hold whose event was counted by a process that did not publish', () => {
  it('ends when the job runs again', async () => {
    const subject = aSubject('killed/p');
    await buy(books, subject.entity, 1_000_000_000_000n);
    const decision = await books.quota.reserve(
      anOrder({ subject: 'killed/p', model: LLAMA, maxOutputTokens: 1, requestId: 'r1' }),
    );
    if (!decision.allowed) throw new Error('there are credits');
    const event = { ...anEvent({ subject: 'killed/p' }), reservationId: decision.reservation.id };
    const publishStates = books.quota.publishStates.bind(books.quota);
    books.quota.publishStates = async () => {
      throw new Error('killed between commit and publication');
    };
    await expect(books.recorder.record([event])).rejects.toThrow('killed');
    books.quota.publishStates = publishStates;
    expect(await books.recorder.record([event])).toMatchObject({ recorded: 0, duplicates: 1 });
    expect((await books.quota.held(subject.entity))?.requestCount).toBe(0);
  });
});

describe('a hold whose event shares a batch with an event of a new account that fails', () => {
  it('ends: nobody reaches a neighbour', async () => {
    const subject = aSubject('well/p');
    await buy(books, subject.entity, 1_000_000_000_000n);
    const decision = await books.quota.reserve(
      anOrder({ subject: 'well/p', model: LLAMA, maxOutputTokens: 1, requestId: 'r1' }),
    );
    if (!decision.allowed) throw new Error('there are credits');
    const event = { ...anEvent({ subject: 'well/p' }), reservationId: decision.reservation.id };
    const poison = anEvent({ subject: 'nobody-knows-it/p', quantities: { input: 2 ** 31 } });
    // The accounts that exist are counted and committed; then the new one fails, and nothing is published.
    await expect(books.recorder.record([event, poison])).rejects.toThrow('out of range');
    // The batch is parted, and each part recorded again.
    expect(await books.recorder.record([event])).toMatchObject({ duplicates: 1 });
    expect((await books.quota.held(subject.entity))?.requestCount).toBe(0);
  });
});
