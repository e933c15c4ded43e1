/** Usage for tests of an app: recorded as its worker would record it. */
import type { UsageEvent } from '../../src/domain/usage.js';
import { connectRedis, untilReady } from '../../src/platform/redis.js';
import { QuotaService } from '../../src/quota/quota.js';
import { PriceBook } from '../../src/prices/price-book.js';
import { Recorder } from '../../src/metering/recorder.js';
import type { TestApp } from './app.js';

export async function recordUsage(app: TestApp, events: readonly UsageEvent[]): Promise<void> {
  const redis = connectRedis(app.redis.url, 'quota');
  await untilReady(redis);
  const prices = new PriceBook(app.database, app.clock);
  const quota = new QuotaService(redis, app.database, app.clock, prices, 'closed');
  await new Recorder(app.database, app.clock, quota).record(events);
  redis.disconnect();
}
