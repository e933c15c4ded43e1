import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { Readiness } from '../../src/http/readiness.js';
import { Database } from '../../src/platform/database.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';

let postgres: TestDatabase;
let server: TestRedis;
let database: Database;
let redis: Redis;
beforeAll(async () => {
  [postgres, server] = await Promise.all([aDatabase(), aRedis()]);
  database = new Database({ url: postgres.url, connectionsMax: 2 });
  redis = connectRedis(server.url, 'impatient');
  await untilReady(redis);
  await database.ping();
});
afterAll(async () => {
  redis.disconnect();
  await database.close();
  await Promise.all([postgres.drop(), server.stop()]);
});

/** Nothing else of this process goes on meanwhile. */
function beBusy(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('servers that have answered are available to a process that was too busy to read it', async () => {
  const nodes = new RedisNodes(redis);
  const checking = new Readiness(database, nodes, nodes, 'api').check();
  beBusy(2_500);
  expect(await checking).toEqual({ status: 'ok', checks: { postgres: 'ok', redis: 'ok' } });
});
