import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database, type Tx } from '../../src/platform/database.js';
import { sqlStateOf } from '../../src/platform/postgres-errors.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

let postgres: TestDatabase;
let database: Database;
beforeAll(async () => {
  postgres = await aDatabase();
  database = new Database({ url: postgres.url });
  const plans = ['a', 'b'].map((name) => ({ name, overage: 'blocked' }));
  await database.reader.plan.createMany({ data: plans });
});
afterAll(async () => {
  await database.close();
  await postgres.drop();
});

const raise = (tx: Tx, name: string) =>
  tx.plan.update({ where: { name }, data: { version: { increment: 1 } } });

describe('what fails through the typed client', () => {
  it('in a deadlock runs again', async () => {
    let [met, meet] = [0, () => {}];
    const both = new Promise<void>((resolve) => (meet = resolve));
    let attempts = 0;
    const run = (first: string, second: string) =>
      database.transaction(async (tx) => {
        attempts += 1;
        await raise(tx, first);
        if ((met += 1) === 2) meet();
        await both;
        await raise(tx, second);
      });
    await Promise.all([run('a', 'b'), run('b', 'a')]);
    const plans = await database.reader.plan.findMany();
    expect([attempts, ...plans.map(({ version }) => version)]).toEqual([3, 2n, 2n]);
  });

  it('on the data says so', async () => {
    const insert = database.reader.plan.create({ data: { name: 'a', overage: 'blocked' } });
    const error: unknown = await insert.catch((reason: unknown) => reason);
    expect(sqlStateOf(error)).toBe('23505');
  });
});
