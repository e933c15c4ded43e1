import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/platform/database.js';
import { claimIdentities } from '../../src/metering/dedupe.sql.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

const AT = new Date('2026-11-22T12:00:00Z');
const [A, B, C] = ['a', 'b', 'c'].map((letter) => `${letter.repeat(8)}-0000-0000-0000-000000000000`) as [
  string,
  string,
  string,
];
const rows = (identities: readonly string[]) =>
  identities.map((identity) => ({ identity, fingerprint: identity, occurredAt: AT }));

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await aDatabase();
  database = new Database({ url: testDatabase.url });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** A transaction that has claimed, and ends when the test says so. */
async function claiming(identities: readonly string[]): Promise<() => Promise<void>> {
  let end = (): void => {};
  let claimed = (): void => {};
  const isClaimed = new Promise<void>((resolve) => (claimed = resolve));
  const isToEnd = new Promise<void>((resolve) => (end = resolve));
  const done = database.transaction(async (tx) => {
    await claimIdentities(tx, rows(identities), AT);
    claimed();
    await isToEnd;
  });
  await isClaimed;
  return async () => {
    end();
    await done;
  };
}

describe('claiming identities', () => {
  it('goes by key: a batch that waits for one holds none above it, so no two wait for each other', async () => {
    const endFirst = await claiming([A]);
    const second = database.transaction((tx) => claimIdentities(tx, rows([C, B, A]), AT));
    await until('the second batch waits', async () => {
      const { rows: waiting } = await testDatabase.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return waiting.length === 1;
    });
    const endThird = await claiming([B]);
    await endThird();
    await endFirst();
    expect(await second).toEqual(new Set([C]));
  });
});
