/**
 * `npm run bench -- neighbours`: how long a customer waits for an event and for a decision while others make trouble. The service runs as
 * two processes, API and worker, over servers of the bench's own.
 */
import { Queue } from 'bullmq';
import pg from 'pg';
import { USAGE_QUEUE } from '@tally/client/protocol';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';
import { printBooks } from './books.js';
import { prepare, withServers, type BenchServers } from './ingest-servers.js';
import { NEIGHBOUR, probe, type Delays } from './neighbours-probe.js';
import { TROUBLES, type Trouble, type World } from './neighbours-troubles.js';
import { median } from './median.js';
import { printTable } from './table.js';
import { printTargets, type Target } from './targets.js';

const EVENT_MS_MAX = 1_000;
const DECISION_MS_MAX = 100;

export async function benchNeighbours({ scale }: { scale: number }): Promise<void> {
  await withServers(async (servers) => {
    await prepare(servers);
    const environment = { WEBHOOK_ALLOW_PRIVATE: 'true' };
    const start = (role: 'api' | 'worker') => startService({ role, ...servers, environment });
    const api = await start('api');
    const worker = await start('worker').catch(async (error: unknown) => {
      await api.stop();
      throw error;
    });
    try {
      await measure({ servers, api, scale });
      await untilIdle(servers);
    } finally {
      await Promise.all([api, worker].map((service: ServiceProcess) => service.stop()));
    }
    await printBooks('neighbours', servers);
  });
}

async function measure(world: World): Promise<void> {
  const { servers, api } = world;
  const sql = new pg.Client({ connectionString: servers.databaseUrl });
  // Where the servers end first, that is no failure of its own.
  sql.on('error', () => {});
  await sql.connect();
  await api.call(`PUT /v1/admin/entities/${NEIGHBOUR}`, { body: { plan: 'free' } });
  const path = `PATCH /v1/admin/entities/${NEIGHBOUR}/limits`;
  await api.call(path, { body: { overage: 'allowed', monthly_cap_usd: '1000000' } });
  const rows: Record<string, string | number>[] = [];
  const targets: Target[] = [];
  // So that neither process is cold.
  const warmUntilMs = performance.now() + 3_000;
  await probe({ url: api.url, sql, occurredAt: null }, async () => performance.now() > warmUntilMs);
  for (const [name, begin] of Object.entries(TROUBLES)) {
    const { delays, note } = await during(world, { begin, sql });
    rows.push(rowOf(name, delays, note));
    targets.push(
      { of: `${name}: longest event, ms`, measured: longest(delays.eventMs), most: EVENT_MS_MAX },
      { of: `${name}: longest decision, ms`, measured: longest(delays.decisionMs), most: DECISION_MS_MAX },
    );
    await untilIdle(servers);
  }
  await sql.end();
  printTable("Another customer's event until it is counted, and a decision, over HTTP, in ms", rows);
  printTargets(targets);
}

/** Where a call fails, the customer waits for ever. */
const NEVER: Delays = { eventMs: [Infinity], decisionMs: [Infinity] };

async function during(
  world: World,
  { begin, sql }: { begin: (world: World) => Promise<Trouble>; sql: pg.Client },
): Promise<{ delays: Delays; note: string }> {
  const trouble = await begin(world);
  const of = { url: world.api.url, sql, occurredAt: trouble.occurredAt ?? null };
  const failures: string[] = [];
  const delays = await probe(of, trouble.isOver).catch((error: unknown) => {
    failures.push(String(error));
    return NEVER;
  });
  await trouble.end();
  return { delays, note: [trouble.note?.() ?? '', ...failures].join(' ') };
}

function rowOf(meanwhile: string, { eventMs, decisionMs }: Delays, note: string) {
  const at = (values: readonly number[], share: number) =>
    Math.round(values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)]! * 10) / 10;
  return {
    meanwhile,
    events: eventMs.length,
    'event, p50': Math.round(median(eventMs) * 10) / 10,
    'longest event': at(eventMs, 1),
    decisions: decisionMs.length,
    'decision, p50': at(decisionMs, 0.5),
    'decision, p99': at(decisionMs, 0.99),
    'longest decision': at(decisionMs, 1),
    note,
  };
}

function longest(values: readonly number[]): number {
  return Math.round(Math.max(...values));
}

/** What was held up goes on once the trouble is over. */
async function untilIdle(servers: BenchServers): Promise<void> {
  const queue = new Queue(USAGE_QUEUE, { connection: servers.redis });
  const open = () => queue.getJobCountByTypes('wait', 'prioritized', 'active', 'delayed');
  await until('the queue is empty', async () => (await open()) === 0);
  await queue.close();
}
