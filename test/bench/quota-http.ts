/** The quota's routes beside bare Fastify: rate and processor time under full load, and latency at an even half of that rate. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './median.js';
import type { LoadOrder, LoadResult } from './quota-load.js';
import { benchLeases } from './quota-leases.js';
import { printTable } from './table.js';
import type { Target } from './targets.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LOADER = path.join(ROOT, 'test/support/typescript.js');
const ADMIN_KEY = 'sk-tally-bench-admin';
const ENTITY = 'bench';
const MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';
const ROUNDS = 5;
const ROUND_SECONDS = 3;
const WARM_UP_SECONDS = 6;
const FIXED_RATE_SECONDS = 8;

/** `bareEntity` has a state that the bare server's scripts decide by. */
type Servers = {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly bareEntity: string;
  /** Waits until Redis has rewritten its file, because that takes a core from what is measured meanwhile. */
  readonly untilRewritten: () => Promise<void>;
};

type Peer = { readonly order: LoadOrder; readonly server: ChildProcess };

export async function benchQuotaHttp({
  redisUrl,
  databaseUrl,
  bareEntity,
  untilRewritten,
}: Servers): Promise<Target[]> {
  const flags = await flagsOfStart();
  const tally = spawn(process.execPath, [...flags, path.join(ROOT, 'dist/main.js')], {
    env: {
      PATH: process.env['PATH'],
      ROLE: 'api',
      PORT: '0',
      ADMIN_API_KEY: ADMIN_KEY,
      REDIS_URL: redisUrl,
      DATABASE_URL: databaseUrl,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const bare = child('quota-bare.ts', [redisUrl, bareEntity], flags);
  const load = child('quota-load.ts', [], []);
  try {
    const [[bareUrl], url] = await Promise.all([once(bare, 'message') as Promise<[string]>, urlOf(tally)]);
    const key = await gatewayKey(url);
    const peers: Record<string, Peer> = {
      Tally: { order: orderFor(url, ENTITY, key), server: tally },
      'Fastify + EVALSHA': { order: orderFor(bareUrl, bareEntity, key), server: bare },
      'Fastify alone': { order: { ...orderFor(bareUrl, bareEntity, key), prefix: '/bare' }, server: bare },
    };
    const ratio = await compare(load, peers);
    const p99Ms = await atFixedRate(load, peers, untilRewritten);
    const leased = await benchLeases({ url, apiKey: key, project: `${ENTITY}/p`, model: MODEL });
    return [ratio, p99Ms, leased];
  } finally {
    await Promise.all([tally, bare, load].map(stop));
  }
}

/** The flags that `npm start` gives Node. */
async function flagsOfStart(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}

/**
 * Measures the servers in turn, so that other work of the machine affects them all alike. Where the load and the servers share few
 * cores the rate says little, but the processor time of a request is the server's own.
 */
async function compare(load: ChildProcess, peers: Record<string, Peer>): Promise<Target> {
  const seen = new Map(Object.keys(peers).map((name) => [name, [] as { rate: number; cpuMicros: number }[]]));
  for (const { order } of Object.values(peers)) await measure(load, { ...order, seconds: WARM_UP_SECONDS });
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, { order, server }] of Object.entries(peers)) {
      const before = await cpuMicrosOf(server);
      const { perSecond, count } = await measure(load, order);
      const cpuMicros = ((await cpuMicrosOf(server)) - before) / count;
      seen.get(name)!.push({ rate: perSecond, cpuMicros });
    }
  }
  const ofTally = seen.get('Tally')!;
  const ratioTo = (name: string) =>
    median(ofTally.map(({ rate }, round) => rate / seen.get(name)![round]!.rate));
  const rows = [...seen].map(([name, each]) => ({
    server: name,
    'requests/s': Math.round(median(each.map(({ rate }) => rate))),
    'CPU, µs a request': Math.round(median(each.map(({ cpuMicros }) => cpuMicros))),
    'Tally to it, requests/s': ratioTo(name),
    'Tally to it, by CPU': median(ofTally.map(({ cpuMicros }, round) => each[round]!.cpuMicros / cpuMicros)),
  }));
  printTable(`Reserve and release over HTTP, one process each (median of ${ROUNDS} rounds in turn)`, rows);
  return { of: 'requests/s to Fastify + EVALSHA', measured: ratioTo('Fastify + EVALSHA'), least: 0.7 };
}

/** User and system time of a process. Linux counts them in hundredths of a second. */
async function cpuMicrosOf({ pid }: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function atFixedRate(
  load: ChildProcess,
  peers: Record<string, Peer>,
  untilRewritten: () => Promise<void>,
): Promise<Target> {
  const tally = peers['Tally']!;
  const rate = Math.floor((await measure(load, tally.order)).perSecond / 2);
  const rows = [];
  let inServer = NaN;
  for (const [name, { order }] of Object.entries(peers)) {
    await untilRewritten();
    const before = await timesOf(tally.order.url);
    const { p50Ms, p99Ms } = await measure(load, { ...order, rate, seconds: FIXED_RATE_SECONDS });
    const own = name === 'Tally' ? quantileMs(before, await timesOf(tally.order.url), 0.99) : null;
    if (own !== null) inServer = own;
    rows.push({
      server: name,
      'requests/s': rate,
      'p50, ms': p50Ms,
      'p99, ms': p99Ms,
      'p99 in the server, ms': own ?? '',
    });
  }
  printTable(
    "Latency at half of Tally's top rate, evenly sent, counted from when each request was due",
    rows,
  );
  return { of: 'p99 in the server at half rate, ms', measured: inServer, most: 5 };
}

/** How many reservation requests took at most each upper bound of the service's own histogram, in seconds. */
async function timesOf(url: string): Promise<Map<number, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = new Map<number, number>();
  const line = /^tally_http_request_duration_seconds_bucket\{(.*)\} (\d+)$/gm;
  for (const [, labels = '', count] of text.matchAll(line)) {
    if (!labels.includes('route="/v1/quota/reservations')) continue;
    const bound = Number(/le="([^"]+)"/.exec(labels)![1]!.replace('+Inf', 'Infinity'));
    counts.set(bound, (counts.get(bound) ?? 0) + Number(count));
  }
  return counts;
}

/** As Prometheus computes it: interpolated within the bucket that contains the quantile. */
function quantileMs(before: Map<number, number>, after: Map<number, number>, quantile: number): number {
  const bounds = [...after.keys()].toSorted((a, b) => a - b);
  const countTo = (bound: number) => after.get(bound)! - (before.get(bound) ?? 0);
  const wanted = countTo(Infinity) * quantile;
  const upper = bounds.find((bound) => countTo(bound) >= wanted)!;
  const lower = bounds[bounds.indexOf(upper) - 1] ?? 0;
  const below = lower === 0 ? 0 : countTo(lower);
  return (lower + ((upper - lower) * (wanted - below)) / (countTo(upper) - below)) * 1_000;
}

function orderFor(url: string, entity: string, key: string): LoadOrder {
  const body = { project: `${entity}/p`, model: MODEL, input_tokens: 1, max_output_tokens: 0 };
  return {
    url,
    prefix: '',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    seconds: ROUND_SECONDS,
    rate: null,
  };
}

async function measure(load: ChildProcess, order: LoadOrder): Promise<LoadResult> {
  load.send(order);
  const [result] = (await once(load, 'message')) as [LoadResult];
  if (result.failed > 0) throw new Error(`${result.failed} requests to ${order.url} failed`);
  return result;
}

async function gatewayKey(url: string): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const call = async (method: string, route: string, body: object) => {
    const response = await fetch(`${url}${route}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${route}: ${await response.text()}`);
    return (await response.json()) as { secret: string };
  };
  const limits = { monthly_cap_usd: '1000000', overage: 'allowed' };
  await call('PATCH', `/v1/admin/entities/${ENTITY}/limits`, limits);
  return (await call('POST', '/v1/admin/keys', { name: 'bench', role: 'gateway', entity: null })).secret;
}

async function urlOf(server: ChildProcess): Promise<string> {
  let output = '';
  for await (const chunk of server.stdout!) {
    output += String(chunk);
    const url = /"url":"(http:[^"]+)"[^\n]*"msg":"listening"/.exec(output)?.[1];
    if (url === undefined) continue;
    return url;
  }
  throw new Error(`the service did not start: ${output}`);
}

function child(file: string, args: string[], flags: readonly string[]): ChildProcess {
  return fork(path.join(ROOT, 'test/bench', file), args, { execArgv: [...flags, '--import', LOADER] });
}

async function stop(each: ChildProcess): Promise<void> {
  if (each.exitCode !== null) return;
  const ended = once(each, 'exit');
  each.kill('SIGTERM');
  await ended;
}
