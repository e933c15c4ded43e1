/** Usage for tests of an app: recorded as its worker would record it. */
import type { UsageEvent } from '../../src/domain/usage.js';
import { connectRedis, untilReady } from './redis-connection.js';
import type { TestApp } from './app.js';
import { servicesOver } from './services.js';

export async function recordUsage(app: TestApp, events: readonly UsageEvent[]): Promise<void> {
  const redis = connectRedis(app.redis.url, 'impatient');
  await untilReady(redis);
  await servicesOver({ database: app.database, clock: app.clock, redis }).recorder.record(events);
  redis.disconnect();
}
