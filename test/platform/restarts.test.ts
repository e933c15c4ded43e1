import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database, Restart } from '../../src/platform/database.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

let postgres: TestDatabase;
let database: Database;
beforeAll(async () => {
  postgres = await aDatabase();
  database = new Database({ url: postgres.url });
});
afterAll(async () => {
  await database.close();
  await postgres.drop();
});

const plans = async () => (await database.reader.plan.findMany()).map(({ name }) => name);

describe('a transaction whose work returns a restart', () => {
  it('is rolled back and run again from its start', async () => {
    let attempts = 0;
    const result = await database.transaction(async (tx) => {
      attempts += 1;
      await tx.plan.create({ data: { name: `plan${attempts}`, overage: 'blocked' } });
      return attempts < 3 ? new Restart('too early') : 'done';
    });
    expect([result, await plans()]).toEqual(['done', ['plan3']]);
  });

  it('fails with its reason after six attempts, and leaves nothing behind', async () => {
    let attempts = 0;
    const running = database.transaction(async (tx) => {
      attempts += 1;
      await tx.plan.create({ data: { name: `never${attempts}`, overage: 'blocked' } });
      return new Restart('always too early');
    });
    await expect(running).rejects.toThrow('always too early');
    expect([attempts, (await plans()).filter((name) => name.startsWith('never'))]).toEqual([6, []]);
  });
});
