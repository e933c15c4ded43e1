/** A `DATA_DIR` for embedded servers, and what a test wants to know and do there. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { type EmbeddedServers, startEmbeddedServers } from '../../src/platform/embedded/embedded-servers.js';
import { testServers } from './test-servers.js';

type Urls = Pick<EmbeddedServers, 'databaseUrl' | 'redisUrl'>;

export interface DataDir {
  path: string;
  remove(): Promise<void>;
}

/** With the Redis of this run, where that was downloaded, so that no test downloads it again. */
export async function aDataDir({ mode = 0o711 } = {}): Promise<DataDir> {
  const path = await mkdtemp(join(tmpdir(), 'tally-test-data-'));
  await chmod(path, mode);
  const { command } = testServers().redis;
  // …/redis-binary/redis/usr/bin/redis-server
  if (isAbsolute(command)) await symlink(join(dirname(command), '../../..'), join(path, 'redis-binary'));
  return { path, remove: () => remove(path) };
}

async function remove(path: string): Promise<void> {
  const elsewhere = await readlink(join(path, 'postgres')).catch(() => null);
  if (elsewhere !== null) await rm(dirname(elsewhere), { recursive: true, force: true });
  await rm(path, { recursive: true, force: true });
}

export function startServers(dataDir: string, messages: string[] = []): Promise<EmbeddedServers> {
  return startEmbeddedServers({
    dataDir,
    postgres: true,
    redis: true,
    log: (message) => messages.push(message),
  });
}

export interface ServersApart extends Urls {
  pid: number;
  /** SIGKILL: the process cannot do anything about its servers any more. */
  kill(): Promise<void>;
}

/** Started by a process of their own. */
export async function startServersApart(dataDir: string): Promise<ServersApart> {
  const child = fork(join(import.meta.dirname, 'embedded-servers.ts'), [dataDir], {
    execArgv: ['--import', join(import.meta.dirname, 'typescript.js')],
  });
  const ended = once(child, 'exit');
  const [urls]: Urls[] = await Promise.race([once(child, 'message'), ended.then(() => [])]);
  if (urls === undefined) throw new Error('The process ended before its servers ran.');
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  return { ...urls, pid: child.pid ?? 0, kill };
}

export async function postgresPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

export async function redisPid(dataDir: string): Promise<number> {
  return Number(await readFile(join(dataDir, 'redis', 'redis.pid'), 'utf8'));
}

/** The shells that would end these servers when their process dies. Linux only. */
export async function watchersOf(pids: number[]): Promise<number[]> {
  const all = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const watchers = await Promise.all(
    all.map(async (pid) => {
      const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
      return args[0] === '/bin/sh' && args[2]?.startsWith('read -r line') && pids.includes(Number(args[5]));
    }),
  );
  return all.filter((_pid, index) => watchers[index]);
}

/** One number in each store, to find again. */
export async function remember({ databaseUrl, redisUrl }: Urls, value: number): Promise<void> {
  await query(databaseUrl, `create table if not exists remembered as select ${value} as value`);
  await withRedis(redisUrl, (redis) => redis.set('remembered', value));
}

export async function remembered({ databaseUrl, redisUrl }: Urls): Promise<number[]> {
  const rows = await query(databaseUrl, 'select value from remembered');
  return [Number(rows[0]?.['value']), Number(await withRedis(redisUrl, (redis) => redis.get('remembered')))];
}

export async function query(databaseUrl: string | null, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: databaseUrl ?? '' });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

export async function withRedis<T>(redisUrl: string | null, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(redisUrl ?? '', {
    retryStrategy: () => null,
    lazyConnect: true,
    enableReadyCheck: false,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
