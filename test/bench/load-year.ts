/**
 * Counts a year of usage as if it happened: through the recorder, in batches as large as it likes, with the clock of each batch's
 * hour. Credits are bought each month, hours are posted, lots expire and months close in their time, so the books are those of a
 * service that ran all year.
 */
import { HOUR_MS } from '../../src/domain/buckets.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { Database } from '../../src/platform/database.js';
import type { Recorder } from '../../src/metering/recorder.js';
import { bookkeepingOver, publishingOver, servicesOver, type Services } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';
import { ENTITIES, entityName, eventsOf, hoursOf, type Hour } from './year-of-usage.js';

const BATCH_EVENTS = 4_000;
/** While Postgres writes one batch, the other is computed. */
const LANES = 2;
/** Bought by each customer each month, by rank: more than some need, less than others. */
const CREDITS_USD_OF_THE_LARGEST = 45;
const PROGRESS_MS = process.stdout.isTTY ? 500 : 30_000;

export type LoadOrder = {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly start: Date;
  readonly end: Date;
  readonly events: number;
};

type Batch = { readonly at: Date; readonly hours: readonly Hour[] };

export async function loadYear(order: LoadOrder): Promise<void> {
  const database = new Database({ url: order.databaseUrl });
  const redis = connectRedis(order.redisUrl, 'impatient');
  await untilReady(redis);
  const clock = new TestClock(order.start);
  const services = servicesOver({ database, clock, redis });
  const { quota } = services;
  const lanes = Array.from({ length: LANES }, () => {
    const laneClock = new TestClock(order.start);
    const books = bookkeepingOver({ database, clock: laneClock });
    const { recorder } = publishingOver({ database, clock: laneClock, quota }, books);
    return { clock: laneClock, recorder };
  });
  const progress = new Progress(order.events);
  try {
    for (const day of daysOf(hoursOf(order))) {
      clock.set(day[0]!.at);
      await beginDay({ database, clock, services, order });
      const left = [...day];
      await Promise.all(lanes.map((lane) => runLane(lane, left, progress)));
    }
    clock.set(order.end);
    await services.posting.post();
    progress.end();
  } finally {
    redis.disconnect();
    await database.close();
  }
}

async function runLane(
  { clock, recorder }: { clock: TestClock; recorder: Recorder },
  left: Batch[],
  progress: Progress,
): Promise<void> {
  for (let batch = left.shift(); batch !== undefined; batch = left.shift()) {
    const events: UsageEvent[] = batch.hours.flatMap(eventsOf);
    clock.set(batch.at);
    await recorder.record(events);
    progress.add(events.length);
  }
}

/** What the clock brings: hours are posted, lots expire, the months that are over close, and customers buy. */
async function beginDay(of: {
  database: Database;
  clock: TestClock;
  services: Services;
  order: LoadOrder;
}): Promise<void> {
  const { database, clock, services, order } = of;
  await services.posting.post();
  await services.expiry.expire();
  await services.periods.closePeriods();
  const isFirst = clock.now().getTime() - order.start.getTime() < 24 * HOUR_MS;
  if (!isFirst && clock.now().getUTCDate() !== 1) return;
  for (let rank = 0; rank < ENTITIES; rank += 1) {
    const micros = Math.round((CREDITS_USD_OF_THE_LARGEST * order.events) / 1e6 / (rank + 1) ** 1.2) * 1e6;
    const grant = {
      entity: entityName(rank),
      amountPicos: BigInt(micros + 1_000_000) * 1_000_000n,
      category: rank % 4 === 3 ? ('promotional' as const) : ('paid' as const),
      priority: 50,
      effectiveAt: null,
      expiresAt: new Date(clock.now().getTime() + 100 * 24 * HOUR_MS),
      reference: `inv_${clock.now().toISOString().slice(0, 7)}_${rank}`,
      note: null,
      actor: 'bench',
    };
    await database.transaction(async (tx) => {
      await services.accounts.ensureEntity(tx, grant.entity, clock.now());
      await services.grants.grant(tx, grant);
    });
  }
}

/** Batches by day: hours are put together until a batch is large enough, and are booked a minute after the last one's end. */
function daysOf(hours: readonly Hour[]): Batch[][] {
  const days = new Map<string, Hour[]>();
  for (const hour of hours) {
    const day = hour.start.toISOString().slice(0, 10);
    days.set(day, [...(days.get(day) ?? []), hour]);
  }
  return [...days.values()].map((ofDay) => {
    const batches: Hour[][] = [[]];
    for (const hour of ofDay) {
      const open = batches.at(-1)!;
      const size = open.reduce((sum, { events }) => sum + events, 0);
      if (size > 0 && size + hour.events > BATCH_EVENTS) batches.push([hour]);
      else open.push(hour);
    }
    return batches.map((batch) => ({
      at: new Date(batch.at(-1)!.start.getTime() + HOUR_MS - 60_000),
      hours: batch,
    }));
  });
}

/** Says how far the load is, how fast it goes and how long it will take. */
class Progress {
  private readonly startedMs = performance.now();
  private printedMs = 0;
  private done = 0;

  constructor(private readonly total: number) {}

  add(count: number): void {
    this.done += count;
    const now = performance.now();
    if (now - this.printedMs < PROGRESS_MS) return;
    this.printedMs = now;
    this.print();
  }

  end(): void {
    this.print();
    if (process.stdout.isTTY) process.stdout.write('\n');
  }

  private print(): void {
    const seconds = (performance.now() - this.startedMs) / 1000;
    const rate = this.done / seconds;
    const [filled, left] = [Math.round((this.done / this.total) * 32), (this.total - this.done) / rate];
    const bar = '█'.repeat(filled).padEnd(32, '░');
    const text = (value: number) => Math.round(value).toLocaleString('en-US');
    const line = `${bar} ${text(this.done)}/${text(this.total)} events, ${text(rate)}/s, ${text(left)} s left`;
    process.stdout.write(process.stdout.isTTY ? `\r${line.padEnd(100)}` : `${line}\n`);
  }
}
