/** FOCUS exports as their reader sees them: rows, seconds, and the most memory that the service needed meanwhile. */
import pg from 'pg';
import { readFile } from 'node:fs/promises';
import { ADMIN_KEY } from '../support/app.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { printTable } from './table.js';
import { entityName } from './year-of-usage.js';

const MB = 1024 * 1024;
const SAMPLE_MS = 50;
/** What a process needs anyway is there by then. */
const EARLY_ROWS = 100_000;

type Servers = { readonly databaseUrl: string; readonly redisUrl: string };

export async function measureExports(service: ServiceProcess, servers: Servers, end: Date): Promise<void> {
  const last = new Date(end.getTime() - 1);
  const period = new Date(Date.UTC(last.getUTCFullYear(), last.getUTCMonth() - 1, 1))
    .toISOString()
    .slice(0, 7);
  const rows = [];
  for (const [name, query] of [
    ['the largest customer, a month', `&entity=${entityName(0)}`],
    ['all customers, a month', ''],
  ] as const) {
    rows.push({ export: name, ...(await read(service, `/v1/exports/focus.csv?period=${period}${query}`)) });
  }
  rows.push({ export: 'a customer with 1,200 projects, a month', ...(await readWide(servers)) });
  printTable('FOCUS exports, streamed', rows);
}

/** More than a million rows, in a database of their own: nothing but roll-ups, for that is what an export reads. */
async function readWide(servers: Servers): Promise<Record<string, number>> {
  const databaseUrl = Object.assign(new URL(servers.databaseUrl), { pathname: '/wide' }).href;
  await query(servers.databaseUrl, 'drop database if exists wide');
  await query(servers.databaseUrl, 'create database wide');
  // It migrates and seeds the database.
  const wide = await startService({ role: 'api', databaseUrl, redisUrl: servers.redisUrl });
  try {
    await query(
      databaseUrl,
      `with series as (
         insert into usage_series (entity, project, model, operation, service_tier)
         select distinct 'wide', 'project-' || n, model, 'chat', 'default' from generate_series(1, 1200) n, prices
         returning id, model
       )
       insert into usage_hourly
       select 'wide', d, s.id, r.id, '2026-10', 1, 1000, 500, 200, 0, null,
         cost_at(r.unit_prices, 1, 1000, 500, 200, 0, null), 0, 0
       from generate_series('2026-10-01'::timestamptz, '2026-10-31', '1 day') d, series s
         join prices p on p.model = s.model join rates r on p.id = r.price_id`,
    );
    return await read(wide, '/v1/exports/focus.csv?period=2026-10');
  } finally {
    await wide.stop();
    await query(servers.databaseUrl, 'drop database wide');
  }
}

async function query(databaseUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function read(service: ServiceProcess, path: string): Promise<Record<string, number>> {
  let [firstMs, lines, bytes, early, most] = [0, 0, 0, 0, 0];
  const sample = async () => {
    const resident = await residentBytes(service);
    if (lines <= EARLY_ROWS) early = Math.max(early, resident);
    most = Math.max(most, resident);
  };
  const sampling = setInterval(() => void sample(), SAMPLE_MS);
  const startedMs = performance.now();
  const response = await fetch(`${service.url}${path}`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  if (!response.ok || response.body === null) throw new Error(`${path}: ${response.status}`);
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    if (firstMs === 0) firstMs = performance.now() - startedMs;
    bytes += chunk.length;
    for (const byte of chunk) if (byte === 10) lines += 1;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  clearInterval(sampling);
  return {
    rows: lines - 1,
    MB: Math.round(bytes / MB),
    'first byte, s': firstMs / 1000,
    seconds,
    'rows/s': Math.round((lines - 1) / seconds),
    'memory to row 100,000, MB': Math.round(early / MB),
    'at most, MB': Math.round(most / MB),
  };
}

/** Linux tells the pages of a process that are in memory. */
async function residentBytes({ pid }: ServiceProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
