import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseUsd } from '../../src/domain/money.js';
import { theBooks, type Books } from '../support/books.js';
import { buy, expectAgreement, ledgerOf } from '../support/correcting.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
afterEach(() => expectAgreement(books));

describe('the expiry of grants', () => {
  it('writes off what is left of an expired grant once, even when two workers do it at the same time', async () => {
    await buy(books, 'expirer', parseUsd('1', ''), {
      expiresAt: new Date(books.clock.now().getTime() + 60_000),
    });
    books.clock.advance(60_000);
    await Promise.all([books.expiry.expire(), books.expiry.expire()]);
    const [grant] = await books.grants.list({ entity: 'expirer' });
    expect(grant).toMatchObject({ remainingPicos: 0n, expiredPicos: parseUsd('1', '') });
    expect(await ledgerOf(books, 'expirer')).toEqual([
      'purchase 1000000000000 2026-11',
      'expiry 1000000000000 2026-11',
    ]);
  });
});
