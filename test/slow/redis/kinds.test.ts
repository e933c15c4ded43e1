/** The core of Tally over a unix socket, TLS with a private CA, a user with the least rights, a shared Redis, and a queue apart. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../../src/platform/embedded/server-process.js';
import type { TestApp } from '../../support/app.js';
import {
  aRedisCluster,
  aRedisProcess,
  aSentinelSetup,
  certificatesIn,
  type RedisProcess,
} from '../../support/redis-kinds.js';
import {
  anAppOn,
  anEventOf,
  CUSTOMERS,
  differencesOf,
  heldBy,
  reportFromOutside,
  reserve,
  untilCounted,
  useAll,
} from '../../support/redis-worlds.js';
import { until } from '../../support/until.js';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function opening<T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  opened.push(() => started.stop());
  return started;
}

async function appOn(environment: Record<string, string>): Promise<TestApp> {
  const app = await anAppOn(environment);
  opened.push(() => app.close());
  return app;
}

/** Over both doors, with nothing left over. */
async function expectAllWorks(app: TestApp, outside: Parameters<typeof reportFromOutside>[1]): Promise<void> {
  await useAll(app);
  await reportFromOutside(app, outside);
  await untilCounted(app, 2 * CUSTOMERS.length);
  await until('no hold is left', async () => Object.values(await heldBy(app)).every((held) => held === '0'));
  expect(await differencesOf(app)).toEqual([]);
}

const keysOf = ({ redis }: RedisProcess): Promise<string[]> => redis.keys('*');

describe('everything works', () => {
  it('over a unix socket', async () => {
    const server = await opening(aRedisProcess({ settings: ['unixsocket DIRECTORY/redis.sock'] }));
    const url = `unix://${server.directory}/redis.sock?db=2`;
    await expectAllWorks(await appOn({ REDIS_URL: url }), { redisUrl: url });
    expect(await keysOf(server)).toEqual([]);
    await server.redis.select(2);
    expect((await keysOf(server)).length).toBeGreaterThan(0);
  });

  it('over TLS with a private CA and a certificate of our own, which the server asks for', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tally-test-tls-'));
    opened.push(() => rm(directory, { recursive: true }));
    const { ca, cert, key } = await certificatesIn(directory);
    const [caText, certText, keyText] = await Promise.all(
      [ca, cert, key].map((file) => readFile(file, 'utf8')),
    );
    const files = [`tls-ca-cert-file ${ca}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`];
    const port = await freePort();
    await opening(
      aRedisProcess({
        settings: ['port 0', `tls-port ${port}`, ...files, 'tls-auth-clients yes'],
        connection: () => ({ port, tls: { ca: caText, cert: certText, key: keyText } }),
      }),
    );
    const url = `rediss://127.0.0.1:${port}?ca=${ca}&cert=${cert}&key=${key}`;
    await expectAllWorks(await appOn({ REDIS_URL: url }), { redisUrl: url });
  });

  it.each([
    { kind: 'Sentinels', scheme: 'rediss+sentinel', start: aSentinelSetup },
    { kind: 'a Cluster', scheme: 'rediss+cluster', start: aRedisCluster },
  ])('over TLS to $kind and all that they name, by a CA of our own', async ({ scheme, start }) => {
    const directory = await mkdtemp(join(tmpdir(), 'tally-test-tls-'));
    opened.push(() => rm(directory, { recursive: true }));
    const tls = await certificatesIn(directory);
    const { url } = await opening<{ url: string; stop(): Promise<void> }>(start({ tls }));
    expect(url).toMatch(new RegExp(`^${scheme.replace('+', '\\+')}://.*[?&]ca=`));
    await expectAllWorks(await appOn({ REDIS_URL: url }), { redisUrl: url });
  });

  it('as a user with the rights that docs/operate.md names, under a prefix', async () => {
    const server = await opening(aRedisProcess());
    const guide = await readFile(join(import.meta.dirname, '../../../docs/operate.md'), 'utf8');
    const [, line] = /^(acl setuser tally .*)$/im.exec(guide) ?? [];
    expect(line).toContain('~staging:*');
    await server.redis.call(...(line!.split(' ') as [string, ...string[]]));
    const url = `redis://tally:secret@127.0.0.1:${server.port}`;
    const app = await appOn({ REDIS_URL: url, REDIS_PREFIX: 'staging' });
    await expectAllWorks(app, { redisUrl: url, prefix: 'staging' });
    const denied = async () => (await app.call(`GET /v1/entities/${CUSTOMERS[0]}/denials`)).body.data.length;
    await app.limit(CUSTOMERS[0]!, { monthly_cap_usd: '0.000001' });
    expect((await reserve(app, CUSTOMERS[0]!, 'denied')).status).toBe(429);
    await until('the denial is kept', async () => (await denied()) === 1);
    await app.call('PUT /v1/admin/plans/free', { body: { monthly_cap_usd: '50' } });
    await app.call('GET /v1/admin/queue');
    await app.call('GET /v1/admin/inbox');
    const refused = (await server.redis.call('ACL', 'LOG')) as unknown[];
    expect(refused).toEqual([]);
  });
});

describe('two deployments that share a Redis by prefix', () => {
  it.each(['one server', 'a Cluster'])('do not see each other: %s', async (kind) => {
    const shared = await opening<{ url?: string; port?: number; stop(): Promise<void> }>(
      kind === 'a Cluster' ? aRedisCluster() : aRedisProcess(),
    );
    const url = shared.url ?? `redis://127.0.0.1:${shared.port}`;
    const [one, other] = [
      await appOn({ REDIS_URL: url, REDIS_PREFIX: 'one', QUEUE_SHARDS: '2' }),
      await appOn({ REDIS_URL: url, REDIS_PREFIX: 'other:' }),
    ];
    await expectAllWorks(one, { redisUrl: url, prefix: 'one', shards: 2 });
    expect((await other.call(`GET /v1/entities/${CUSTOMERS[0]}/balance`)).body.month_to_date_usd).toBe('0');
    await expectAllWorks(other, { redisUrl: url, prefix: 'other:' });
    // The same request ids were used by both.
    expect((await reserve(one, CUSTOMERS[1]!, 'used')).status).toBe(409);
  });

  it('leave no key without their prefix', async () => {
    const server = await opening(aRedisProcess());
    const url = `redis://127.0.0.1:${server.port}`;
    await expectAllWorks(await appOn({ REDIS_URL: url, REDIS_PREFIX: 'eu.1' }), {
      redisUrl: url,
      prefix: 'eu.1',
    });
    const keys = await keysOf(server);
    expect(keys.filter((key) => !key.startsWith('eu.1:'))).toEqual([]);
    expect(keys).toContain(`eu.1:tally:{${CUSTOMERS[0]}}:state`);
    expect(keys.some((key) => key.startsWith('eu.1:usage-events:'))).toBe(true);
  });
});

describe('a queue apart from the quota', () => {
  it('holds only jobs; when one of the two servers is lost, the other works on and /readyz names the lost one', async () => {
    const [quota, queue] = [await opening(aRedisProcess()), await opening(aRedisProcess())];
    const [url, queueUrl] = [quota, queue].map(({ port }) => `redis://127.0.0.1:${port}`) as [string, string];
    const app = await appOn({ REDIS_URL: url, QUEUE_REDIS_URL: queueUrl });
    await expectAllWorks(app, { redisUrl: queueUrl });
    expect((await keysOf(quota)).filter((key) => !key.startsWith('tally:'))).toEqual([]);
    expect((await keysOf(queue)).filter((key) => !key.startsWith('bull:'))).toEqual([]);
    const checks = async () => (await app.call('GET /readyz')).body.checks;
    const post = async (id: string) =>
      (await app.call('POST /v1/usage/events', { body: anEventOf(app, CUSTOMERS[0]!, id) })).status;
    expect(await checks()).toEqual({ postgres: 'ok', redis: 'ok', queue_redis: 'ok' });
    // An app cannot close while its queue is silent.
    opened.push(async () => [quota, queue].forEach((server) => server.thaw()));
    queue.freeze();
    await until('/readyz says that the queue is lost', async () => (await checks()).queue_redis === 'away');
    expect(await checks()).toEqual({ postgres: 'ok', redis: 'ok', queue_redis: 'away' });
    const { status, body } = await reserve(app, CUSTOMERS[0]!, 'without a queue');
    expect([status, body.degraded]).toEqual([201, undefined]);
    expect(await post('refused')).toBe(503);
    queue.thaw();
    quota.freeze();
    await until('/readyz says that the quota is lost', async () => (await checks()).redis === 'away');
    await until('the queue is back', async () => (await checks()).queue_redis === 'ok');
    expect((await reserve(app, CUSTOMERS[0]!, 'without a quota')).body.degraded).toBe(true);
    expect(await post('taken')).toBe(202);
    quota.thaw();
  });
});

it('only the Redis of the URL is asked', async () => {
  const server = await opening(aRedisProcess());
  const app = await appOn({ REDIS_URL: `redis://127.0.0.1:${server.port}` });
  const others = new Redis(app.redis.url);
  opened.push(async () => others.disconnect());
  expect((await reserve(app, CUSTOMERS[0]!, 'one')).status).toBe(201);
  expect(await others.keys('*')).toEqual([]);
});
