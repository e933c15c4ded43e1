import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { theBooks, type Books } from '../support/books.js';
import { seed } from '../support/seed.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

describe('the first plans and prices', () => {
  it('add what is missing at the next start, and change nothing that is there', async () => {
    const { database } = books;
    await database.reader.plan.update({ where: { name: 'free' }, data: { overage: 'allowed' } });
    await database.reader.plan.delete({ where: { name: 'pro' } });
    const prices = await books.prices.list({ model: null, entity: null });
    await books.postgres.pool.query('delete from prices where id = $1', [String(prices[0]!.id)]);
    await seed(database);
    const plans = await database.reader.plan.findMany({ orderBy: { name: 'asc' } });
    expect(plans).toMatchObject([
      { name: 'enterprise' },
      { name: 'free', overage: 'allowed' },
      { name: 'pro', overage: 'allowed' },
    ]);
    const after = await books.prices.list({ model: null, entity: null });
    expect(after.map(({ model }) => model)).toEqual(prices.map(({ model }) => model));
    expect(after.slice(1)).toEqual(prices.slice(1));
  });
});
