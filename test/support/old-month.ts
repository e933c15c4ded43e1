/** A month that is over: credits, usage of two customers, a void, a re-rating and late usage, all booked, closed and rolled up. */
import type { Redis } from 'ioredis';
import { EventMonths } from '../../src/retention/event-months.js';
import { RetentionSettings } from '../../src/retention/retention-settings.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { Logger } from '../../src/platform/logger.js';
import { Metrics } from '../../src/platform/metrics.js';
import { connectRedis, untilReady } from './redis-connection.js';
import { anApp, type TestApp } from './app.js';
import type { Books } from './books.js';
import { anEvent } from './builders.js';
import { buy, publish } from './correcting.js';
import { servicesOver } from './services.js';
import { TestClock } from './test-clock.js';

export const MODEL = 'one-pico';
export const MONTH = '2020-01';

export type OldMonth = Omit<Books, 'clock' | 'redis'> & {
  readonly app: TestApp;
  readonly clock: TestClock;
  readonly redis: Redis;
  readonly months: EventMonths;
  readonly metrics: Metrics;
  /** What was logged, as JSON. */
  readonly lines: string[];
  readonly plain: UsageEvent;
  readonly voided: UsageEvent;
  readonly late: UsageEvent;
  /** An event of the month. */
  at(time: string, fields?: Parameters<typeof anEvent>[0]): UsageEvent;
  /** Closes, posts and rolls up all that is due. */
  settle(): Promise<void>;
};

class Lines extends Logger {
  constructor(private readonly kept: string[]) {
    super('silent');
  }

  override info(event: string, fields: object = {}): void {
    this.kept.push(JSON.stringify({ event, ...fields }));
  }

  override warn(event: string, fields: object = {}): void {
    this.info(event, fields);
  }
}

export async function anOldMonth(): Promise<OldMonth> {
  const clock = new TestClock(new Date('2020-01-05T00:00:00Z'));
  const app = await anApp({ clock });
  const redis = connectRedis(app.redis.url, 'impatient');
  await untilReady(redis);
  const { database, postgres } = app;
  const services = servicesOver({ database, clock, redis });
  const books = {
    ...services,
    clock,
    database,
    postgres,
    redis,
    close: () => (redis.disconnect(), app.close()),
  };
  const lines: string[] = [];
  const logger = new Lines(lines);
  const metrics = new Metrics();
  const settings = new RetentionSettings(database, clock);
  const months = new EventMonths(database, clock, settings, logger, metrics);
  const at = (time: string, fields = {}) =>
    anEvent({ subject: 'alpha/p', model: MODEL, occurredAt: new Date(time), ...fields });
  const settle = async () => {
    await services.posting.post();
    await services.periods.closePeriods();
    await services.days.build();
  };

  await publish(books, MODEL, '0.000001', { from: '2019-01-01T00:00:00Z' });
  await publish(books, 'dearer', '0.000001', { from: '2019-01-01T00:00:00Z' });
  await buy(books, 'alpha', 200n);
  await buy(books, 'alpha', 90n, { category: 'promotional', priority: 1 });
  const plain = at('2020-01-05T00:00:00Z', { userId: 'ada', requestId: 'req_1', tags: { team: 'x' } });
  const voided = at('2020-01-04T23:00:00Z', { userId: 'bob' });
  await services.recorder.record([
    plain,
    voided,
    at('2020-01-03T10:00:00Z', { model: 'dearer' }),
    at('2020-01-03T10:30:00Z', { subject: 'beta/q' }),
  ]);
  clock.set('2020-02-06T00:00:00Z');
  const late = at('2020-01-20T10:00:00Z', { userId: 'ada' });
  await services.recorder.record([late, at('2020-02-05T10:00:00Z')]);
  const target = await services.voids.locate({ ...voided, occurredAt: null, entity: 'alpha' });
  await database.transaction((tx) => services.voids.void(tx, target, { reason: 'mistake', actor: 'test' }));
  await publish(books, 'dearer', '0.000002', { from: '2020-01-01T00:00:00Z' });
  await services.rerating.rerate({
    model: 'dearer',
    from: new Date('2020-01-01T00:00:00Z'),
    to: new Date('2020-02-01T00:00:00Z'),
    entity: null,
    reason: 'new price',
    actor: 'test',
  });
  clock.set('2020-06-15T00:00:00Z');
  await services.recorder.record([at('2020-06-14T10:00:00Z')]);
  await settle();
  return { ...books, app, months, metrics, lines, plain, voided, late, at, settle };
}

export async function keepEventsFor(world: OldMonth, months: number | null): Promise<void> {
  await world.app.call('PUT /v1/admin/settings/retention', { body: { events_months: months } });
}
