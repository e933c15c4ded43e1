import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseUsd } from '../../src/domain/money.js';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy, expectAgreement } from '../support/correcting.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
afterEach(() => expectAgreement(books));

describe('hourly posting', () => {
  it('posts each closed hour once, even when two workers post at the same time', async () => {
    await buy(books, 'poster', parseUsd('1', ''));
    await books.recorder.record([anEvent({ subject: 'poster/p' })]);
    await books.posting.post();
    const burnsPosted = async () =>
      (await books.ledger.page({ entity: 'poster', after: null, limit: 100 })).filter(
        (entry) => entry.kind === 'burn',
      ).length;
    expect(await burnsPosted()).toBe(0);
    books.clock.advance(3_600_000);
    await Promise.all([books.posting.post(), books.posting.post()]);
    await books.recorder.record([anEvent({ subject: 'poster/p' })]);
    expect(await burnsPosted()).toBe(1);
  });
});
