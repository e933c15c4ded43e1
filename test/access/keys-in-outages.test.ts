import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiKeys, hashOf, newSecret } from '../../src/access/api-keys.js';
import { insertKey } from '../../src/access/api-key-rows.js';
import { Database } from '../../src/platform/database.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { aFaultProxy, through, type FaultProxy } from '../support/fault-proxy.js';
import { ownMsOf } from '../support/own-time.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';

const clock = new TestClock();
let postgres: TestDatabase;
let wire: FaultProxy;
let admin: Database;
let database: Database;
let keys: ApiKeys;
let secret: string;
beforeAll(async () => {
  postgres = await aDatabase();
  wire = await aFaultProxy(new URL(postgres.url));
  admin = new Database({ url: postgres.url });
  database = new Database({ url: through(wire, postgres.url) });
});
afterAll(async () => {
  await Promise.all([database.close(), admin.close()]);
  await wire.close();
  await postgres.drop();
});

beforeEach(async () => {
  keys = new ApiKeys(database, clock);
  secret = newSecret();
  const key = { name: 'k', role: 'gateway', entity: null, source: null, createdAt: clock.now() } as const;
  await insertKey(admin.reader, { ...key, id: `key_${hashOf(secret)}`, secretHash: hashOf(secret) });
});
afterEach(() => wire.mend());

const works = async () => expect(await keys.authenticate(secret)).toMatchObject({ role: 'gateway' });
const MINUTE_MS = 60_000;

describe('a known key while Postgres does not answer', () => {
  it('one request waits two seconds at most, and the next ones do not wait', async () => {
    await works();
    wire.hang();
    clock.advance(MINUTE_MS);
    expect(await ownMsOf(works)).toBeLessThan(3_000);
    for (let second = 0; second < 10; second += 1) {
      clock.advance(400);
      expect(await ownMsOf(() => Promise.all(Array.from({ length: 20 }, works)))).toBeLessThan(500);
    }
  });

  it('works for a quarter of an hour, and a key that nobody has used before is answered with overloaded', async () => {
    await works();
    await wire.cut();
    clock.advance(14 * MINUTE_MS);
    await works();
    await expect(keys.authenticate(newSecret())).rejects.toMatchObject({ code: 'overloaded' });
    clock.advance(MINUTE_MS);
    await expect(keys.authenticate(secret)).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('is looked up again as soon as Postgres answers: what was revoked meanwhile ends', async () => {
    await works();
    wire.hang();
    clock.advance(MINUTE_MS);
    await works();
    await postgres.pool.query('delete from api_keys where secret_hash = $1', [hashOf(secret)]);
    await works();
    await wire.mend();
    await until('the key is refused', async () => (await keys.authenticate(secret)) === null);
  });
});
