/** What a quota decision costs: over HTTP beside bare Fastify, in Redis beside a rate limiter, and with many entities and holds. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { reservationIdOf, type EntityName, type ProjectName } from '../../src/domain/ids.js';
import { Clock } from '../../src/platform/clock.js';
import { startEmbeddedServers } from '../../src/platform/embedded/embedded-servers.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { RedisQuota } from '../../src/quota/redis-quota.js';
import { until } from '../support/until.js';
import { aProjectQuota, aQuotaState, usd } from '../support/quota.js';
import { median } from './median.js';
import { benchQuotaHttp, type Servers } from './quota-http.js';
import { printTable } from './table.js';
import { printTargets, type Target } from './targets.js';

const BARE_ENTITY = 'bare' as EntityName;
const MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';
const ROUNDS = 5;
const PAIRS = 20_000;
const CALLERS = 50;
const ENTITIES = [1, 1_000, 1_000_000];
const OPEN_HOLDS = 10_000;

type Redis = ReturnType<typeof connectRedis>;

export async function benchQuota(): Promise<void> {
  await withServers(async (redis, servers) => [
    ...(await benchQuotaHttp(servers)),
    ...(await inRedis(redis)),
  ]);
}

/** Only what is measured over HTTP. */
export async function benchDecisions(): Promise<void> {
  await withServers((_, servers) => benchQuotaHttp(servers));
}

async function withServers(run: (redis: Redis, servers: Servers) => Promise<Target[]>): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tally-bench-'));
  const embedded = await startEmbeddedServers({ dataDir, postgres: true, redis: true, log: () => {} });
  const redisUrl = embedded.redisUrl!;
  const redis = connectRedis(redisUrl, 'impatient');
  try {
    await untilReady(redis);
    await publish(redis, BARE_ENTITY);
    const servers = {
      redisUrl,
      redisPid: Number(/process_id:(\d+)/.exec(await redis.info('server'))![1]),
      databaseUrl: embedded.databaseUrl!,
      bareEntity: BARE_ENTITY,
      untilRewritten: () => untilRewritten(redis),
    };
    printTargets(await run(redis, servers));
  } finally {
    redis.disconnect();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** The scripts alone, called by our own client code, beside a well-known limiter that only counts. */
async function inRedis(redis: Redis): Promise<Target[]> {
  const quota = new RedisQuota(new RedisNodes(redis), new Clock());
  const limiter = new RateLimiterRedis({ storeClient: redis, points: 1e9, duration: 3_600, keyPrefix: 'rl' });
  const limit = () => limiter.consume('bench').then(() => limiter.reward('bench'));
  const pairs: Record<string, () => Promise<unknown>> = { 'rate-limiter-flexible, consume + reward': limit };
  for (const count of ENTITIES) {
    await spread(redis, count);
    pairs[`Tally, ${entities(count)}`] = () =>
      pair(quota, `e${Math.floor(Math.random() * count)}` as EntityName);
  }
  const full = 'full' as EntityName;
  await publish(redis, full);
  for (let i = 0; i < OPEN_HOLDS; i += 1) await reserve(quota, full);
  await untilRewritten(redis);
  const held = `${OPEN_HOLDS.toLocaleString('en-US')} holds open`;
  pairs[`Tally, ${held}`] = () => pair(quota, full);
  const costs = await report(pairs);
  const flat = [entities(ENTITIES.at(-1)!), held];
  return flat.map((name) => ({ of: `cost with ${name}`, measured: costs.get(`Tally, ${name}`)!, most: 1.2 }));
}

function entities(count: number): string {
  return count === 1 ? '1 entity' : `${count.toLocaleString('en-US')} entities`;
}

/** Costs by name, relative to the cost with one entity. */
async function report(pairs: Record<string, () => Promise<unknown>>): Promise<Map<string, number>> {
  const rates = new Map(Object.keys(pairs).map((name) => [name, [] as number[]]));
  for (const run of Object.values(pairs)) await rateOf(run);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [name, run] of Object.entries(pairs)) rates.get(name)!.push(await rateOf(run));
  const base = rates.get('Tally, 1 entity')!;
  const costs = new Map(
    [...rates].map(([name, each]) => [name, median(each.map((rate, round) => base[round]! / rate))]),
  );
  const rows = [...rates].map(([name, each]) => ({
    'pairs of': name,
    'pairs/s': Math.round(median(each)),
    'cost, 1 entity = 1': costs.get(name)!,
  }));
  printTable(`Hold and let go in Redis, ${CALLERS} at a time (median of ${ROUNDS} rounds in turn)`, rows);
  return costs;
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
  const tokens = { inputTokens: 1, maxOutputTokens: 0 };
  const place = { serviceTier: null, region: null };
  const asked = {
    fallbacks: [],
    inputBytes: null,
    inputCount: 1,
    outputCount: 1,
    requestId: null,
    ttlSeconds: 900,
  };
  const order = { id, subject, model: MODEL, ...tokens, ...place, ...asked };
  const size = { worstPicos: usd('0.000001'), learnedPicos: null, isDegraded: false, unpriced: null };
  const { verdict } = await quota.reserve(order, size, 'aged');
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
  await new RedisQuota(new RedisNodes(redis), new Clock()).publish([state], new Map());
}

/** Copies one entity's state under so many names inside Redis. Each copy is complete. */
async function spread(redis: Redis, count: number): Promise<void> {
  await publish(redis, 'e0' as EntityName);
  const script = `
    local state = redis.call('HGETALL', 'tally:{e0}:state')
    for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
      redis.call('HSET', 'tally:{e' .. i .. '}:state', unpack(state))
    end`;
  for (let first = 1; first < count; first += 1_000)
    await redis.eval(script, 0, first, Math.min(first + 999, count - 1));
}

/** A million entities make Redis rewrite its file, which takes a core from what is measured meanwhile. */
async function untilRewritten(redis: Redis): Promise<void> {
  const isWriting = async () => /aof_rewrite_(in_progress|scheduled):1/.test(await redis.info('persistence'));
  await until('Redis has written its file', async () => !(await isWriting()));
}
