/** `npm run bench -- publication`: what it costs to publish the states of a batch, beside storing as many bytes without a script. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Redis } from 'ioredis';
import type { EntityName, ProjectName } from '../../src/domain/ids.js';
import type { QuotaState } from '../../src/domain/quota-limits.js';
import { Clock } from '../../src/platform/clock.js';
import { startEmbeddedServers } from '../../src/platform/embedded/embedded-servers.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { RedisQuota } from '../../src/quota/redis-quota.js';
import { aProjectQuota, aQuotaState, anOrder, usd } from '../support/quota.js';
import { median } from './median.js';
import { printTable } from './table.js';

/** The customers of a batch of 1,000 events. */
const ENTITIES = Array.from({ length: 630 }, (_, index) => `customer-${index}` as EntityName);
const PROJECTS = ['p', 'q', 'r'] as ProjectName[];
const WARM_ROUNDS = 10;
const ROUNDS = 25;

type Batch = { readonly states: readonly QuotaState[]; readonly ended: Map<EntityName, string[]> };
type Case = { readonly label: string; readonly holds: number; readonly limitedProjects: number };

const CASES: readonly Case[] = [
  { label: 'no hold, no limited project', holds: 0, limitedProjects: 0 },
  { label: 'two holds end, no limited project', holds: 2, limitedProjects: 0 },
  { label: 'two holds end, three limited projects', holds: 2, limitedProjects: 3 },
];

export async function benchPublication(): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tally-bench-'));
  const embedded = await startEmbeddedServers({ dataDir, postgres: false, redis: true, log: () => {} });
  const redis = connectRedis(embedded.redisUrl!, 'impatient');
  try {
    await untilReady(redis);
    const quota = new RedisQuota(new RedisNodes(redis), new Clock());
    const rows = [];
    for (const each of CASES) {
      const make = (round: number) => aBatch(quota, each, round);
      rows.push({
        publication: each.label,
        ...(await cost(redis, make, (b) => quota.publish(b.states, b.ended))),
      });
    }
    const bare = (round: number) => aBatch(quota, CASES[0]!, round);
    rows.push({
      publication: 'bare: one HSET for each',
      ...(await cost(redis, bare, (b) => store(redis, b))),
    });
    printTable('Publishing 630 entities: µs of processor time an entity, medians', rows);
  } finally {
    redis.disconnect();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** States as of the round, and holds that they end. */
async function aBatch(quota: RedisQuota, { holds, limitedProjects }: Case, round: number): Promise<Batch> {
  const version = BigInt(round + 1);
  const cost = 123_456_789_000n * version;
  const limits = {
    monthlyCapPicos: usd('1000000'),
    overage: 'blocked',
    creditsPicos: usd('1000000'),
  } as const;
  const projects = PROJECTS.slice(0, limitedProjects).map((project) =>
    aProjectQuota({ project, monthlyCapPicos: usd('1000000'), monthCostPicos: cost }),
  );
  const states = ENTITIES.map((entity) =>
    aQuotaState({
      entity,
      version,
      at: new Date(),
      ...limits,
      monthCostPicos: cost,
      yearCostPicos: cost,
      projects,
    }),
  );
  const ended = new Map<EntityName, string[]>();
  for (const entity of ENTITIES) {
    const orders = Array.from({ length: holds }, () => anOrder({ subject: `${entity}/p` }));
    const size = { worstPicos: usd('0.01'), learnedPicos: null, isDegraded: false, unpriced: null };
    await Promise.all(orders.map((order) => quota.reserve(order, size, 'aged')));
    ended.set(
      entity,
      orders.map(({ id }) => id),
    );
  }
  return { states, ended };
}

async function cost(
  redis: Redis,
  make: (round: number) => Promise<Batch>,
  publish: (batch: Batch) => Promise<unknown>,
): Promise<{ node: number; redis: number }> {
  await redis.flushall();
  const own: number[] = [];
  const server: number[] = [];
  for (let round = -WARM_ROUNDS; round < ROUNDS; round += 1) {
    const batch = await make(round + WARM_ROUNDS);
    const [serverBefore, ownBefore] = [await microsOf(redis), process.cpuUsage()];
    await publish(batch);
    const used = process.cpuUsage(ownBefore);
    if (round < 0) continue;
    own.push((used.user + used.system) / ENTITIES.length);
    server.push(((await microsOf(redis)) - serverBefore) / ENTITIES.length);
  }
  return { node: median(own), redis: median(server) };
}

async function microsOf(redis: Redis): Promise<number> {
  const text = await redis.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(text)?.[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
}

/** As many bytes as a state has in Redis, without a version to compare and without holds. */
async function store(redis: Redis, { states }: Batch): Promise<void> {
  const facts = 'x'.repeat(500);
  await Promise.all(states.map(({ entity }) => redis.hset(`tally:{${entity}}:state`, 'facts', facts)));
}
