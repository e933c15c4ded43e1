/** The services that keep the books, over a database and a Redis of the test's own and a clock that it sets. */
import type { Redis } from 'ioredis';
import { connectRedis, untilReady } from './redis-connection.js';
import { Database } from '../../src/platform/database.js';
import { aDatabase, type TestDatabase } from './database.js';
import { aRedis } from './redis.js';
import { seed } from './seed.js';
import { servicesOver, type Services } from './services.js';
import { TestClock } from './test-clock.js';

export type Books = Services & {
  readonly clock: TestClock;
  readonly database: Database;
  readonly postgres: TestDatabase;
  readonly redis: Redis;
  close(): Promise<void>;
};

export async function theBooks(): Promise<Books> {
  const [postgres, testRedis] = await Promise.all([aDatabase(), aRedis()]);
  const clock = new TestClock();
  const database = new Database({ url: postgres.serviceUrl });
  await seed(database);
  const redis = connectRedis(testRedis.url, 'impatient');
  await untilReady(redis);
  return {
    ...servicesOver({ database, clock, redis }),
    clock,
    database,
    postgres,
    redis,
    async close() {
      redis.disconnect();
      await database.close();
      await Promise.all([postgres.drop(), testRedis.stop()]);
    },
  };
}
