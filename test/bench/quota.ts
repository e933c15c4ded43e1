/** What a quota decision costs: over HTTP beside bare Fastify, in Redis beside a rate limiter, and with many entities and holds. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { reservationIdOf, type EntityName, type ProjectName } from '../../src/domain/ids.js';
import { Clock } from '../../src/infra/clock.js';
import { startEmbeddedServers } from '../../src/infra/embedded-servers.js';
import { connectRedis, untilReady } from '../../src/infra/redis.js';
import { RedisQuota } from '../../src/quota/redis-quota.js';
import { aProjectQuota, aQuotaState, usd } from '../support/quota.js';
import type { LoadOrder, LoadResult } from './quota-load.js';
import { benchLeases } from './quota-leases.js';
import { printTable } from './table.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LOADER = path.join(ROOT, 'test/support/typescript.js');
const ADMIN_KEY = 'sk-tally-bench-admin';
const ENTITY = 'bench' as EntityName;
const BARE_ENTITY = 'bare' as EntityName;
const MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';
const ROUNDS = 5;
const ROUND_SECONDS = 3;
const WARM_UP_SECONDS = 6;
const FIXED_RATE_SECONDS = 8;
const PAIRS = 10_000;
const CALLERS = 50;
const ENTITIES = [1, 1_000, 1_000_000];
const OPEN_HOLDS = 10_000;

type Redis = ReturnType<typeof connectRedis>;

export async function benchQuota(): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tally-bench-'));
  const embedded = await startEmbeddedServers({ dataDir, postgres: true, redis: true, log: () => {} });
  const redisUrl = embedded.redisUrl!;
  const redis = connectRedis(redisUrl, 'quota');
  try {
    await untilReady(redis);
    await publish(redis, BARE_ENTITY);
    await overHttp({ redisUrl, databaseUrl: embedded.databaseUrl! });
    await inRedis(redis);
  } finally {
    redis.disconnect();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function overHttp(servers: { redisUrl: string; databaseUrl: string }): Promise<void> {
  const tally = spawn(process.execPath, [path.join(ROOT, 'dist/main.js')], {
    env: {
      PATH: process.env['PATH'],
      ROLE: 'api',
      PORT: '0',
      ADMIN_API_KEY: ADMIN_KEY,
      REDIS_URL: servers.redisUrl,
      DATABASE_URL: servers.databaseUrl,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const bare = child('quota-bare.ts', [servers.redisUrl, BARE_ENTITY]);
  const load = child('quota-load.ts', []);
  try {
    const [[bareUrl], url] = await Promise.all([once(bare, 'message') as Promise<[string]>, urlOf(tally)]);
    const key = await gatewayKey(url);
    const targets: Record<string, Target> = {
      Tally: { order: orderFor(url, ENTITY, key), server: tally },
      'Fastify + EVALSHA': { order: orderFor(bareUrl, BARE_ENTITY, key), server: bare },
      'Fastify alone': { order: { ...orderFor(bareUrl, BARE_ENTITY, key), prefix: '/bare' }, server: bare },
    };
    await compare(load, targets);
    await atFixedRate(load, targets);
    await benchLeases({ url, apiKey: key, project: `${ENTITY}/p`, model: MODEL });
  } finally {
    await Promise.all([tally, bare, load].map(stop));
  }
}

type Target = { readonly order: LoadOrder; readonly server: ChildProcess };

/**
 * In turn, so that whatever else the machine does falls on all of them alike. Where the load and the servers share few cores
 * the rate says little; the processor time of a request is the server's own.
 */
async function compare(load: ChildProcess, targets: Record<string, Target>): Promise<void> {
  const seen = new Map(
    Object.keys(targets).map((name) => [name, [] as { rate: number; cpuMicros: number }[]]),
  );
  for (const { order } of Object.values(targets)) await measure(load, { ...order, seconds: WARM_UP_SECONDS });
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, { order, server }] of Object.entries(targets)) {
      const before = await cpuMicrosOf(server);
      const { perSecond, count } = await measure(load, order);
      const cpuMicros = ((await cpuMicrosOf(server)) - before) / count;
      seen.get(name)!.push({ rate: perSecond, cpuMicros });
    }
  }
  const ofTally = seen.get('Tally')!;
  const rows = [...seen].map(([name, each]) => ({
    server: name,
    'requests/s': Math.round(median(each.map(({ rate }) => rate))),
    'CPU, µs a request': Math.round(median(each.map(({ cpuMicros }) => cpuMicros))),
    'Tally to it, requests/s': median(ofTally.map(({ rate }, round) => rate / each[round]!.rate)),
    'Tally to it, by CPU': median(ofTally.map(({ cpuMicros }, round) => each[round]!.cpuMicros / cpuMicros)),
  }));
  printTable(`Reserve and release over HTTP, one process each (median of ${ROUNDS} rounds in turn)`, rows);
}

/** User and system time of a process. Linux counts them in hundredths of a second. */
async function cpuMicrosOf({ pid }: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function atFixedRate(load: ChildProcess, targets: Record<string, Target>): Promise<void> {
  const top = (await measure(load, targets['Tally']!.order)).perSecond;
  const rate = Math.floor(top / 2);
  const rows = [];
  for (const [name, { order }] of Object.entries(targets)) {
    const { p50Ms, p99Ms } = await measure(load, { ...order, rate, seconds: FIXED_RATE_SECONDS });
    rows.push({ server: name, 'requests/s': rate, 'p50, ms': p50Ms, 'p99, ms': p99Ms });
  }
  printTable("Latency at half of Tally's top rate (corrected for coordinated omission)", rows);
}

/** The scripts alone, through our own client code, beside a well-known limiter that only counts. */
async function inRedis(redis: Redis): Promise<void> {
  const quota = new RedisQuota(redis, new Clock());
  const limiter = new RateLimiterRedis({ storeClient: redis, points: 1e9, duration: 3_600, keyPrefix: 'rl' });
  const limit = () => limiter.consume('bench').then(() => limiter.reward('bench'));
  const pairs: Record<string, () => Promise<unknown>> = { 'rate-limiter-flexible, consume + reward': limit };
  for (const count of ENTITIES) {
    await spread(redis, count);
    const name = count === 1 ? '1 entity' : `${count.toLocaleString('en-US')} entities`;
    pairs[`Tally, ${name}`] = () => pair(quota, `e${Math.floor(Math.random() * count)}` as EntityName);
  }
  const full = 'full' as EntityName;
  await publish(redis, full);
  for (let i = 0; i < OPEN_HOLDS; i += 1) await reserve(quota, full);
  await untilRewritten(redis);
  pairs[`Tally, ${OPEN_HOLDS.toLocaleString('en-US')} holds open`] = () => pair(quota, full);
  await report(pairs);
}

async function report(pairs: Record<string, () => Promise<unknown>>): Promise<void> {
  const rates = new Map(Object.keys(pairs).map((name) => [name, [] as number[]]));
  for (const run of Object.values(pairs)) await rateOf(run);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [name, run] of Object.entries(pairs)) rates.get(name)!.push(await rateOf(run));
  const base = rates.get('Tally, 1 entity')!;
  const rows = [...rates].map(([name, each]) => ({
    'pairs of': name,
    'pairs/s': Math.round(median(each)),
    'cost, 1 entity = 1': median(each.map((rate, round) => base[round]! / rate)),
  }));
  printTable(`Hold and let go in Redis, ${CALLERS} at a time (median of ${ROUNDS} rounds in turn)`, rows);
}

async function rateOf(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let begun = 0;
  const callers = Array.from({ length: CALLERS }, async () => {
    while (begun < PAIRS) {
      begun += 1;
      await run();
    }
  });
  await Promise.all(callers);
  return (PAIRS / (performance.now() - started)) * 1_000;
}

async function pair(quota: RedisQuota, entity: EntityName): Promise<void> {
  await quota.release(entity, await reserve(quota, entity));
}

async function reserve(quota: RedisQuota, entity: EntityName): Promise<string> {
  const subject = { entity, project: 'p' as ProjectName };
  const id = reservationIdOf(subject, null);
  const content = { model: MODEL, inputTokens: 1, maxOutputTokens: 0 };
  const order = { ...subject, id, holdPicos: usd('0.000001'), ttlSeconds: 900, content };
  const { verdict } = await quota.reserve(order, 'aged');
  if (verdict !== 'held') throw new Error(`the bench's reservation is ${verdict}`);
  return id;
}

async function publish(redis: Redis, entity: EntityName): Promise<void> {
  const projects = [aProjectQuota({ project: 'p' as ProjectName, monthlyCapPicos: usd('1000000') })];
  const limits = {
    monthlyCapPicos: usd('1000000'),
    creditsPicos: usd('1000000'),
    overage: 'blocked',
  } as const;
  const state = aQuotaState({ entity, at: new Date(), ...limits, projects });
  await new RedisQuota(redis, new Clock()).publish([state], new Map());
}

/** Copies one entity's state under so many names, inside Redis: the millionth is as whole as the first. */
async function spread(redis: Redis, count: number): Promise<void> {
  await publish(redis, 'e0' as EntityName);
  const script = `
    local state, project = redis.call('HGETALL', 'tally:{e0}:state'), redis.call('HGETALL', 'tally:{e0}:project:p')
    for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
      redis.call('HSET', 'tally:{e' .. i .. '}:state', unpack(state))
      redis.call('HSET', 'tally:{e' .. i .. '}:project:p', unpack(project))
    end`;
  for (let first = 1; first < count; first += 1_000)
    await redis.eval(script, 0, first, Math.min(first + 999, count - 1));
}

/** A million entities make Redis write its file anew, which takes a core from whatever is measured meanwhile. */
async function untilRewritten(redis: Redis): Promise<void> {
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await redis.info('persistence'))) await delay(200);
}

function orderFor(url: string, entity: string, key: string): LoadOrder {
  const body = { project: `${entity}/p`, model: MODEL, input_tokens: 1, max_output_tokens: 0 };
  return {
    url,
    prefix: '',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    releases: true,
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

function child(file: string, args: string[]): ChildProcess {
  return fork(path.join(ROOT, 'test/bench', file), args, { execArgv: ['--import', LOADER] });
}

async function stop(each: ChildProcess): Promise<void> {
  if (each.exitCode !== null) return;
  const ended = once(each, 'exit');
  each.kill('SIGTERM');
  await ended;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
