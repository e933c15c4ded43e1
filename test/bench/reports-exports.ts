/** FOCUS exports as their reader sees them: rows, seconds, and the most memory that the service needed meanwhile. */
import { readFile } from 'node:fs/promises';
import { ADMIN_KEY } from '../support/app.js';
import type { ServiceProcess } from '../support/service-process.js';
import { printTable } from './table.js';
import { entityName } from './year-of-usage.js';

const MB = 1024 * 1024;
const SAMPLE_MS = 50;

export async function measureExports(service: ServiceProcess, end: Date): Promise<void> {
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
  printTable('FOCUS exports, streamed', rows);
}

async function read(service: ServiceProcess, path: string): Promise<Record<string, number>> {
  const before = await residentBytes(service);
  let most = before;
  const sampling = setInterval(() => {
    void residentBytes(service).then((bytes) => (most = Math.max(most, bytes)));
  }, SAMPLE_MS);
  const startedMs = performance.now();
  const response = await fetch(`${service.url}${path}`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  if (!response.ok || response.body === null) throw new Error(`${path}: ${response.status}`);
  let [firstMs, lines, bytes] = [0, 0, 0];
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
    'resident before, MB': Math.round(before / MB),
    'at most, MB': Math.round(most / MB),
  };
}

/** Linux tells the pages of a process that are in memory. */
async function residentBytes({ pid }: ServiceProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
