import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { Logger } from '../../src/platform/logger.js';
import { Metrics } from '../../src/platform/metrics.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { RedisMemoryWatch } from '../../src/platform/redis-memory-watch.js';
import type { Patience } from '../../src/platform/redis.js';
import { connectRedis } from '../support/redis-connection.js';
import { checkMemory, untilServing } from '../../src/platform/redis-start.js';
import { anApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { withRedis } from '../support/data-dir.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { aRedisProcess } from '../support/redis-kinds.js';
import { until } from '../support/until.js';

class KeptLog extends Logger {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  constructor() {
    super('silent');
  }
  override warn(event: string): void {
    this.warnings.push(event);
  }
  override error(event: string, error: unknown): void {
    this.errors.push(`${event}: ${String(error)}`);
  }
}

let server: TestRedis;
let log: KeptLog;
const open: Redis[] = [];
beforeEach(async () => {
  server = await aRedis();
  log = new KeptLog();
});
afterEach(async () => {
  open.splice(0).forEach((redis) => redis.disconnect());
  await server.stop();
});

const connect = (url = server.url, patience: Patience = 'impatient'): Redis => {
  const redis = connectRedis(url, patience);
  open.push(redis);
  return redis;
};
const configure = (...settings: [string, string][]) =>
  withRedis(server.url, async (redis) => {
    for (const [name, value] of settings) await redis.config('SET', name, value);
  });
const aUser = async (...rules: string[]): Promise<string> => {
  await withRedis(server.url, (redis) =>
    redis.call('ACL', 'SETUSER', 'tally', 'on', '>secret', '~*', '&*', ...rules),
  );
  return server.url.replace('redis://', 'redis://tally:secret@');
};

const watchOf = (redis: Redis, ...[metrics, logger]: [Metrics, Logger]): RedisMemoryWatch => {
  const nodes = new RedisNodes(redis);
  return new RedisMemoryWatch(nodes, nodes, metrics, logger);
};

/** What any server without TLS says to a handshake. */
async function aPlainServer(): Promise<string> {
  const plain = createServer((socket) => socket.on('error', () => {}).end('-ERR not a command\r\n'));
  plain.unref().listen(0, '127.0.0.1');
  await once(plain, 'listening');
  return `rediss://127.0.0.1:${(plain.address() as AddressInfo).port}`;
}

describe.each([
  { use: 'quota', patience: 'impatient' },
  { use: 'queue', patience: 'patient' },
] as const)('a start, by the connection for $use,', ({ use, patience }) => {
  it('goes on with a Redis that serves, and waits for one that does not answer', async () => {
    const redis = connect(server.url, patience);
    await untilServing(new RedisNodes(redis), use);
    await untilServing(new RedisNodes(redis), use);
    expect(redis.status).toBe('ready');
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    [
      'a password that is missing',
      async () => {
        await configure(['requirepass', 'secret']);
        return server.url;
      },
      /refuses us: NOAUTH/,
    ],
    [
      'a wrong password',
      async () => {
        await aUser('+@all');
        return server.url.replace('redis://', 'redis://tally:wrong@');
      },
      /refuses us: WRONGPASS/,
    ],
    [
      'a user that may not write',
      () => aUser('+@read', '+@connection', '+info', '+eval'),
      /refuses us: .*executing the script can't/,
    ],
    ['a user that may run no scripts', () => aUser('+@all', '-eval'), /refuses us: NOPERM/],
    [
      'a user that may write no key of ours',
      () => aUser('+@all', 'resetkeys', '~other:*'),
      /refuses us: .*(NOPERM|permissions)/,
    ],
    ['TLS with a server that speaks none', aPlainServer, /refuses us: .*SSL/],
  ])('says at once why it is refused: %s', async (_, prepare, reason) => {
    const nodes = new RedisNodes(connect(await prepare(), patience));
    await expect(untilServing(nodes, use)).rejects.toThrow(reason);
  });
});

describe('the policy of Redis', () => {
  it.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])(
    '%s is refused at start, whether INFO or CONFIG says so',
    async (policy) => {
      await configure(['maxmemory-policy', policy]);
      const words = new RegExp(`maxmemory-policy ${policy}.*set maxmemory-policy noeviction`);
      const redis = connect();
      await untilServing(new RedisNodes(redis), 'quota');
      await expect(checkMemory(new RedisNodes(redis), log)).rejects.toThrow(words);
      const other = connect(await aUser('+@all', '-info'));
      await untilServing(new RedisNodes(other), 'quota');
      await expect(checkMemory(new RedisNodes(other), log)).rejects.toThrow(words);
    },
  );

  it('is seen without CONFIG, without INFO by CONFIG, and without both it is said aloud that nobody sees it', async () => {
    for (const [rules, warnings, errors] of [
      [['+@all', '-config'], 0, 0],
      [['+@all', '-info'], 1, 0],
      [['+@all', '-info', '-config'], 0, 1],
    ] as const) {
      const kept = new KeptLog();
      const redis = connect(await aUser('reset', 'on', '>secret', '~*', '&*', ...rules));
      await untilServing(new RedisNodes(redis), 'quota');
      await checkMemory(new RedisNodes(redis), kept);
      expect([rules, kept.warnings.length, kept.errors.length]).toEqual([rules, warnings, errors]);
    }
  });

  it('is no matter where all is well; a Redis that writes nothing down is warned of', async () => {
    const redis = connect();
    await untilServing(new RedisNodes(redis), 'quota');
    await checkMemory(new RedisNodes(redis), log);
    expect([log.warnings, log.errors]).toEqual([[], []]);
    await configure(['appendonly', 'no']);
    await checkMemory(new RedisNodes(redis), log);
    expect(log.warnings).toEqual([expect.stringContaining('appendonly yes')]);
  });
});

describe('while it runs', () => {
  it('a policy that changes is loud at once, then once a minute, and silent when it is mended', async () => {
    const redis = connect();
    await untilServing(new RedisNodes(redis), 'quota');
    const metrics = new Metrics();
    const watch = watchOf(redis, metrics, log);
    await watch.look();
    expect(log.errors).toEqual([]);
    expect(await metrics.text()).toContain('tally_redis_noeviction 1');
    await configure(['maxmemory-policy', 'allkeys-lru']);
    for (let looks = 0; looks < 13; looks += 1) await watch.look();
    expect(log.errors).toEqual([
      expect.stringContaining('maxmemory-policy is allkeys-lru'),
      expect.stringContaining('maxmemory-policy is allkeys-lru'),
    ]);
    expect(await metrics.text()).toContain('tally_redis_noeviction 0');
    await configure(['maxmemory-policy', 'noeviction']);
    await watch.look();
    await configure(['maxmemory-policy', 'volatile-ttl']);
    await watch.look();
    expect(log.errors).toHaveLength(3);
  });

  it('what was evicted is said, each time that it grows, and a Redis that was started again is no alarm', async () => {
    const redis = connect();
    await untilServing(new RedisNodes(redis), 'quota');
    const metrics = new Metrics();
    const watch = watchOf(redis, metrics, log);
    await watch.look();
    const evict = async () => {
      await configure(['maxmemory-policy', 'allkeys-lru']);
      await withRedis(server.url, async (admin) => {
        for (let n = 0; n < 200; n += 1) await admin.set(`filler:${n}`, 'x'.repeat(20_000));
        const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
        await admin.config('SET', 'maxmemory', String(Math.floor(used * 0.7)));
        await admin.set('more', 'x'.repeat(100_000));
        await admin.config('SET', 'maxmemory', '0');
      });
      await configure(['maxmemory-policy', 'noeviction']);
    };
    await evict();
    await watch.look();
    await watch.look();
    expect(log.errors).toEqual([expect.stringContaining('redis has evicted keys')]);
    expect(await metrics.text()).toMatch(/tally_redis_evicted_keys [1-9]/);
    await evict();
    await watch.look();
    expect(log.errors).toHaveLength(2);
    await server.restart();
    const again = connect();
    await untilServing(new RedisNodes(again), 'quota');
    const after = watchOf(again, new Metrics(), log);
    await after.look();
    await after.look();
    expect(log.errors).toHaveLength(2);
  });

  it('memory that is nearly full is warned of before it is', async () => {
    const redis = connect();
    await untilServing(new RedisNodes(redis), 'quota');
    const metrics = new Metrics();
    const watch = watchOf(redis, metrics, log);
    await watch.look();
    expect(await metrics.text()).toContain('tally_redis_memory_used_ratio 0');
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
    await configure(['maxmemory', String(Math.floor(used * 1.05))]);
    await watch.look();
    expect(log.warnings).toEqual([expect.stringContaining('nearly full')]);
    expect(Number(/tally_redis_memory_used_ratio ([\d.]+)/.exec(await metrics.text())?.[1])).toBeGreaterThan(
      0.85,
    );
  });

  it('replicas that have its data are counted, and no longer when they are lost', async () => {
    const master = await aRedisProcess();
    const replica = await aRedisProcess({ settings: [`replicaof 127.0.0.1 ${master.port}`] });
    try {
      const redis = connectRedis(`redis://127.0.0.1:${master.port}`, 'impatient');
      open.push(redis);
      await untilServing(new RedisNodes(redis), 'quota');
      const metrics = new Metrics();
      const watch = watchOf(redis, metrics, log);
      const counts = (count: number) => async () => {
        await watch.look();
        return (await metrics.text()).includes(`tally_redis_replicas ${count}\n`);
      };
      await until('it counts one', counts(1));
      await replica.kill();
      await until('it counts none', counts(0));
    } finally {
      await replica.stop();
      await master.stop();
    }
  });

  it('a full Redis takes no events, and says when to try again; decisions go on by Postgres', async () => {
    const app = await anApp({ role: 'all' });
    try {
      const post = () => app.call('POST /v1/usage/events', { body: anEventBody({ id: 'full' }) });
      const reserve = () =>
        app.call('POST /v1/quota/reservations', {
          body: { project: 'entity1/p', model: LLAMA, input_tokens: 1, max_output_tokens: 1 },
        });
      await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
      await withRedis(app.redis.url, (redis) => redis.config('SET', 'maxmemory', '1'));
      const { status, headers } = await post();
      expect([status, headers.get('retry-after')]).toEqual([503, '1']);
      expect((await reserve()).status).toBe(201);
      await withRedis(app.redis.url, (redis) => redis.config('SET', 'maxmemory', '0'));
      expect((await post()).status).toBe(202);
    } finally {
      await app.close();
    }
  });
});
