/** The services that keep the books, over a database and a Redis of the test's own and a clock that it sets. */
import type { Redis } from 'ioredis';
import { CreditsService } from '../../src/credits/credits.service.js';
import { UpkeepService } from '../../src/credits/upkeep.service.js';
import { connectRedis, untilReady } from '../../src/infra/redis.js';
import { QuotaService } from '../../src/quota/quota.service.js';
import { Database } from '../../src/store/database.js';
import { CorrectionsService } from '../../src/usage/corrections.service.js';
import { DailyRollUps } from '../../src/usage/daily-roll-ups.service.js';
import { PeriodClose } from '../../src/usage/period-close.service.js';
import { PriceBook } from '../../src/usage/price-book.service.js';
import { Pruning } from '../../src/usage/pruning.service.js';
import { Recorder } from '../../src/usage/recorder.js';
import { ReconciliationService } from '../../src/usage/reconciliation.service.js';
import { RepairService } from '../../src/usage/repair.service.js';
import { ReratingService } from '../../src/usage/rerating.service.js';
import { seed } from '../../src/usage/seed.js';
import { UnpricedUsage } from '../../src/usage/unpriced-usage.service.js';
import { aDatabase } from './database.js';
import { aRedis } from './redis.js';
import { TestClock } from './test-clock.js';

export type Books = {
  readonly clock: TestClock;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly redis: Redis;
  readonly credits: CreditsService;
  readonly upkeep: UpkeepService;
  readonly quota: QuotaService;
  readonly prices: PriceBook;
  readonly recorder: Recorder;
  readonly unpriced: UnpricedUsage;
  readonly corrections: CorrectionsService;
  readonly rerating: ReratingService;
  readonly periods: PeriodClose;
  readonly days: DailyRollUps;
  readonly pruning: Pruning;
  readonly repair: RepairService;
  readonly reconciliation: ReconciliationService;
  close(): Promise<void>;
};

export async function theBooks(): Promise<Books> {
  const [testDatabase, testRedis] = await Promise.all([aDatabase(), aRedis()]);
  const clock = new TestClock();
  const database = new Database({ url: testDatabase.url });
  await seed(database, new URL('../../prisma/', import.meta.url));
  const redis = connectRedis(testRedis.url, 'quota');
  await untilReady(redis);
  const prices = new PriceBook(database, clock);
  const quota = new QuotaService(redis, database, clock, prices, 'closed');
  return {
    clock,
    database,
    databaseUrl: testDatabase.url,
    redis,
    prices,
    quota,
    credits: new CreditsService(database, clock),
    upkeep: new UpkeepService(database, clock, quota),
    recorder: new Recorder(database, clock, quota),
    unpriced: new UnpricedUsage(database, clock, quota),
    corrections: new CorrectionsService(database, clock),
    rerating: new ReratingService(database, clock, quota),
    periods: new PeriodClose(database, clock),
    days: new DailyRollUps(database, clock),
    pruning: new Pruning(database, clock),
    repair: new RepairService(database, clock),
    reconciliation: new ReconciliationService(database, clock),
    async close() {
      redis.disconnect();
      await database.close();
      await Promise.all([testDatabase.drop(), testRedis.stop()]);
    },
  };
}
