/** Servers of the bench's own with what it counts in them, the worker as `npm start` runs it, and the worker that does nothing. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import pg from 'pg';
import { USAGE_EVENTS_MAX } from '@tally/client/protocol';
import type { UsageEvent } from '../../src/domain/usage.js';
import { parseEvent } from '../../src/metering/event-validation.js';
import { Recorder } from '../../src/metering/recorder.js';
import { ensureUsageMonths } from '../../src/metering/usage-months.sql.js';
import { Clock } from '../../src/platform/clock.js';
import { Database } from '../../src/platform/database.js';
import { startEmbeddedServers } from '../../src/platform/embedded/embedded-servers.js';
import { applyMigrations } from '../../src/platform/migrate.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import type { Quota } from '../../src/quota/quota.js';
import { seed } from '../support/seed.js';
import { bookkeepingOver, quotaOver, type Bookkeeping } from '../support/services.js';
import { customerName, everyCombination, LEAN, WIDE } from './ingest-usage.js';
import { child, flagsOfStart } from './quota-servers.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MIGRATIONS = path.join(ROOT, 'prisma/migrations');
/** Of each customer: more than all of the bench costs, so that one grant pays. */
const CREDITS_PICOS = 1_000_000_000_000_000_000n;
/** Of noop-worker.ts: as many jobs at once as Tally's worker fetches for single-event jobs. */
const NOOP_CONCURRENCY = 2_000;

export type BenchServers = {
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redis: Redis;
};

export async function withServers(run: (servers: BenchServers) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tally-bench-'));
  await chmod(dataDir, 0o755);
  const embedded = await startEmbeddedServers({ dataDir, postgres: true, redis: true, log: () => {} });
  const [databaseUrl, redisUrl] = [embedded.databaseUrl!, embedded.redisUrl!];
  const redis = connectRedis(redisUrl, 'patient');
  try {
    await untilReady(redis);
    await run({ dataDir, databaseUrl, redisUrl, redis });
  } finally {
    redis.disconnect();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Tables, prices, customers with credits, and one event of each combination, so that no series is new when it is measured. */
export async function prepare(servers: BenchServers): Promise<void> {
  await applyMigrations({ databaseUrl: servers.databaseUrl, migrationsDir: MIGRATIONS });
  await withRecorder(servers, async ({ database, recorder, books }) => {
    await seed(database);
    await ensureUsageMonths(database.reader, { first: new Date(Date.now() - 40 * DAY_MS), last: new Date() });
    for (let customer = 0; customer < WIDE.customers; customer += 1) await grantTo(database, books, customer);
    for (const shape of [LEAN, WIDE]) {
      const events = eventsFrom(everyCombination(shape));
      for (let at = 0; at < events.length; at += USAGE_EVENTS_MAX)
        await recorder.record(events.slice(at, at + USAGE_EVENTS_MAX));
    }
  });
}

const DAY_MS = 86_400_000;

async function grantTo(
  database: Database,
  { accounts, grants }: Bookkeeping,
  customer: number,
): Promise<void> {
  const order = {
    entity: customerName(customer),
    amountPicos: CREDITS_PICOS,
    category: 'paid' as const,
    priority: 50,
    effectiveAt: new Date(Date.now() - 40 * DAY_MS),
    expiresAt: null,
    reference: `bench-${customer}`,
    note: null,
    actor: 'bench',
  };
  await database.transaction(async (tx) => {
    await accounts.ensureEntity(tx, order.entity, new Date());
    await grants.grant(tx, order);
  });
}

/** A second database with the same in it. Nobody may be connected to the first. */
export async function cloneOf({ databaseUrl }: BenchServers, name: string): Promise<string> {
  const to = (database: string) => databaseUrl.replace(/\/[^/?]+(?=$|\?)/, `/${database}`);
  const template = new URL(databaseUrl).pathname.slice(1);
  const client = new pg.Client({ connectionString: to('postgres') });
  await client.connect();
  await client.query(`create database ${name} template ${template}`);
  await client.end();
  return to(name);
}

export type Within = {
  readonly database: Database;
  readonly clock: Clock;
  readonly books: Bookkeeping;
  readonly recorder: Recorder;
  readonly redis: Redis;
};

/** The recorder of a worker, in this process. */
export async function withRecorder<T>(
  { databaseUrl, redisUrl }: Pick<BenchServers, 'databaseUrl' | 'redisUrl'>,
  use: (within: Within) => Promise<T>,
): Promise<T> {
  const database = new Database({ url: databaseUrl });
  const redis = connectRedis(redisUrl, 'impatient');
  try {
    await untilReady(redis);
    const clock = new Clock();
    await clock.synchronize(database);
    const books = bookkeepingOver({ database, clock });
    const quota = quotaOver({ database, clock, redis }, books);
    return await use({
      database,
      clock,
      books,
      recorder: recorderOver({ database, clock, quota, books }),
      redis,
    });
  } finally {
    redis.disconnect();
    await database.close();
  }
}

export function recorderOver(over: {
  database: Database;
  clock: Clock;
  quota: Quota;
  books: Bookkeeping;
}): Recorder {
  const { accounts, prices, rates, allowances, grants } = over.books;
  return new Recorder(over.database, over.clock, over.quota, accounts, prices, rates, allowances, grants);
}

export function eventsFrom(bodies: readonly object[]): UsageEvent[] {
  return bodies.map((body) => {
    const reading = parseEvent(body, new Date());
    if (!reading.ok) throw new Error(`the bench's event is not valid: ${reading.message}`);
    return reading.event;
  });
}

/** As `npm start` runs it. */
export async function tallyWorker({ redisUrl, databaseUrl }: BenchServers): Promise<ChildProcess> {
  return spawn(process.execPath, [...(await flagsOfStart()), path.join(ROOT, 'dist/main.js')], {
    env: {
      PATH: process.env['PATH'],
      ROLE: 'worker',
      PORT: '0',
      REDIS_URL: redisUrl,
      DATABASE_URL: databaseUrl,
      ADMIN_API_KEY: 'sk-tally-bench-admin-Dm5kTz0pRu6y',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

export async function noopWorker({ redisUrl }: BenchServers): Promise<ChildProcess> {
  return child('noop-worker.ts', [redisUrl, String(NOOP_CONCURRENCY)], await flagsOfStart());
}
