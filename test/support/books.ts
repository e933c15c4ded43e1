/** The services that keep the books, over a database and a Redis of the test's own and a clock that it sets. */
import type { Redis } from 'ioredis';
import { CreditsService } from '../../src/credits/credits.js';
import { UpkeepService } from '../../src/credits/credit-upkeep.js';
import { connectRedis, untilReady } from '../../src/platform/redis.js';
import { QuotaService } from '../../src/quota/quota.js';
import { Database } from '../../src/platform/database.js';
import { CorrectionsService } from '../../src/corrections/voids.js';
import { DailyRollUps } from '../../src/periods/daily-roll-ups.js';
import { PeriodClose } from '../../src/periods/period-close.js';
import { PriceBook } from '../../src/prices/price-book.js';
import { Pruning } from '../../src/metering/pruning.js';
import { Recorder } from '../../src/metering/recorder.js';
import { ReconciliationService } from '../../src/books/reconciliation.js';
import { RepairService } from '../../src/books/repair.js';
import { ReratingService } from '../../src/corrections/rerating.js';
import { seed } from '../../src/prices/seed.js';
import { UnpricedUsage } from '../../src/corrections/unpriced-usage.js';
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
