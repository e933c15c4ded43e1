/**
 * How long finance waits: every call of the dashboard and of the usage and costs API over HTTP, on a year of usage. Options:
 * `--events N` (10,000,000), and `--data DIR` to keep what was loaded for the next run.
 */
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { DAY_MS } from '../../src/domain/buckets.js';
import { startEmbeddedServers } from '../../src/platform/embedded/embedded-servers.js';
import { applyMigrations } from '../../src/platform/migrate.js';
import { Clock } from '../../src/platform/clock.js';
import { Database } from '../../src/platform/database.js';
import { seed } from '../support/seed.js';
import { bookkeepingOver } from '../support/services.js';
import { ADMIN_KEY } from '../support/app.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { loadYear } from './load-year.js';
import { measureExports } from './reports-exports.js';
import { cpuMillisOf } from './cpu.js';
import { callsOf, type Call } from './reports-calls.js';
import { printTable } from './table.js';
import { ENTITIES, entityName } from './year-of-usage.js';

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const ROUNDS = 15;

export type ReportsOptions = { readonly events: number; readonly data: string | null };

type Loaded = { readonly events: number; readonly end: string };

export async function benchReports({ events, data }: ReportsOptions): Promise<void> {
  const dataDir = data ?? (await mkdtemp(path.join(tmpdir(), 'tally-bench-')));
  await mkdir(dataDir, { recursive: true });
  await chmod(dataDir, 0o755);
  const embedded = await startEmbeddedServers({ dataDir, postgres: true, redis: true, log: () => {} });
  const servers = { databaseUrl: embedded.databaseUrl!, redisUrl: embedded.redisUrl! };
  try {
    const loaded = await load(servers, { events, file: path.join(dataDir, 'year.json') });
    const service = await startService({ role: 'api', ...servers });
    try {
      await measure({ service, servers, dataDir }, loaded);
    } finally {
      await service.stop();
    }
  } finally {
    await embedded.stop();
    if (data === null) await rm(dataDir, { recursive: true, force: true });
  }
}

/** Once a data directory: the file says what is in there. */
async function load(
  servers: { databaseUrl: string; redisUrl: string },
  { events, file }: { events: number; file: string },
): Promise<Loaded> {
  await applyMigrations({ databaseUrl: servers.databaseUrl, migrationsDir: MIGRATIONS });
  const known = await readFile(file, 'utf8').catch(() => null);
  const end = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);
  const loaded: Loaded = known === null ? { events, end: end.toISOString() } : (JSON.parse(known) as Loaded);
  const database = new Database({ url: servers.databaseUrl });
  try {
    if (known === null) {
      await seed(database);
      await loadYear({ ...servers, start: new Date(end.getTime() - 365 * DAY_MS), end, events });
      await writeFile(file, JSON.stringify(loaded));
    }
    await rollUpDays(database);
    await vacuum(servers.databaseUrl);
  } finally {
    await database.close();
  }
  return loaded;
}

/** As autovacuum does in the course of a year. */
async function vacuum(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}

/** What upkeep does day by day. */
async function rollUpDays(database: Database): Promise<void> {
  const startedMs = performance.now();
  const days = await bookkeepingOver({ database, clock: new Clock() }).days.build();
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${days} days of customers rolled up in ${Math.round(seconds)} s`);
}

type Servers = { readonly databaseUrl: string; readonly redisUrl: string };
type Bench = { readonly service: ServiceProcess; readonly servers: Servers; readonly dataDir: string };

async function measure(bench: Bench, { events, end }: Loaded): Promise<void> {
  const { service } = bench;
  for (let rank = 0; rank < ENTITIES; rank += 1)
    await service.call(`PUT /v1/admin/entities/${entityName(rank)}`, { body: { plan: 'enterprise' } });
  const rows = [];
  for (const call of await callsOf(service, new Date(end))) rows.push(await timed(bench, call));
  const title = `${events.toLocaleString('en-US')} events in 12 months, the largest of ${ENTITIES} customers, ${ROUNDS} calls each; CPU is that of the service and of Postgres`;
  printTable(title, rows);
  await measureExports(service, bench.servers, new Date(end));
  const startedMs = performance.now();
  const body = await patiently(`${service.url}/v1/admin/reconciliation`);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(`\nReconciliation: ${body.ok === true ? 'no difference' : JSON.stringify(body)}, ${seconds} s`);
}

/** As JSON, however long it takes: fetch gives up after five minutes. */
async function patiently(url: string): Promise<{ ok?: boolean }> {
  const request = get(url, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return (await json(response)) as { ok?: boolean };
}

async function timed({ service, dataDir }: Bench, call: Call): Promise<Record<string, string | number>> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, ...call.headers };
  const ask = () => fetch(`${service.url}${call.path}`, { headers });
  // The first call finds nothing warm.
  const first = await ask();
  const bytes = (await first.arrayBuffer()).byteLength;
  if (first.status === 400)
    return rowOf(call, { median: '–', p95: '–', cpu: '–', met: 'refused: too many results', kB: '–' });
  if (first.status !== 200) throw new Error(`${call.path}: ${first.status}`);
  const times: number[] = [];
  const cpuBefore = await cpuMillisOf(service, dataDir);
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedMs = performance.now();
    await (await ask()).arrayBuffer();
    times.push(performance.now() - startedMs);
  }
  const cpu = Math.round(((await cpuMillisOf(service, dataDir)) - cpuBefore) / ROUNDS);
  times.sort((a, b) => a - b);
  const [median, p95] = [0.5, 0.95].map((share) => Math.round(times[Math.floor(share * ROUNDS)]!)) as [
    number,
    number,
  ];
  return rowOf(call, {
    median,
    p95,
    cpu,
    met: median <= call.targetMs ? 'yes' : 'no',
    kB: Math.round(bytes / 1000),
  });
}

function rowOf(call: Call, figures: Record<'median' | 'p95' | 'cpu' | 'met' | 'kB', string | number>) {
  const { median, p95, cpu, met, kB } = figures;
  return {
    call: call.name,
    'median, ms': median,
    'p95, ms': p95,
    'CPU, ms': cpu,
    'target, ms': call.targetMs,
    met,
    kB,
  };
}
