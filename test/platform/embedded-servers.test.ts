/** The embedded servers keep their data whichever process dies, and a directory never has two of each. */
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startOfProcess } from '../../src/platform/embedded/processes.js';
import {
  aDataDir,
  type DataDir,
  postgresPid,
  query,
  redisPid,
  remember,
  remembered,
  startServers,
  startServersApart,
  watchersOf,
  withRedis,
} from '../support/data-dir.js';
import { until } from '../support/until.js';

let made: DataDir;
let dataDir: string;

beforeEach(async () => {
  made = await aDataDir();
  dataDir = made.path;
});

afterEach(async () => {
  await made.remove();
});

describe('while they run', () => {
  it('their addresses are in servers.json, which only its owner may read and which is removed when they stop', async () => {
    const servers = await startServers(dataDir);
    const file = join(dataDir, 'servers.json');
    const written: unknown = JSON.parse(await readFile(file, 'utf8'));
    const mode = (await stat(file)).mode & 0o777;
    await servers.stop();
    expect(written).toEqual({ database_url: servers.databaseUrl, redis_url: servers.redisUrl });
    expect(mode).toBe(0o600);
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it('they run in UTC, persist their data, and accept only connections from this machine with the password', async () => {
    const servers = await startServers(dataDir);
    const [settings] = await query(
      servers.databaseUrl,
      `select current_setting('timezone') as timezone, current_setting('listen_addresses') as addresses,
         current_setting('fsync') as fsync, current_setting('max_connections')::int >= 100 as enough, current_database() as name`,
    );
    const config = await withRedis(servers.redisUrl, (redis) =>
      redis.config('GET', 'bind', 'appendonly', 'appendfsync', 'maxmemory-policy'),
    );
    const open = servers.redisUrl?.replace(/:[^:]*@/, '') ?? '';
    await expect(withRedis(open, (redis) => redis.ping())).rejects.toThrow('NOAUTH');
    const wrong = servers.databaseUrl?.replace(/:[^:]*@/, ':wrong@') ?? '';
    await expect(query(wrong, 'select 1')).rejects.toThrow('password authentication failed');
    await servers.stop();
    expect(settings).toEqual({
      timezone: 'UTC',
      addresses: '127.0.0.1',
      fsync: 'on',
      enough: true,
      name: 'tally',
    });
    expect(Object.fromEntries(pairs(config))).toEqual({
      bind: '127.0.0.1',
      appendonly: 'yes',
      appendfsync: 'everysec',
      'maxmemory-policy': 'noeviction',
    });
  });

  it('a second start in their directory fails, and the error names the process that has it', async () => {
    const servers = await startServers(dataDir);
    await expect(startServers(dataDir)).rejects.toThrow(
      `Process ${process.pid} already runs the embedded servers`,
    );
    await remember(servers, 1);
    expect(await remembered(servers)).toEqual([1, 1]);
    await servers.stop();
  });
});

describe('their data are kept', () => {
  it('from one start to the next', async () => {
    const first = await startServers(dataDir);
    await remember(first, 2);
    await first.stop();
    const second = await startServers(dataDir);
    expect(await remembered(second)).toEqual([2, 2]);
    await second.stop();
  });

  it('when the servers are killed, which is logged at once', async () => {
    const messages: string[] = [];
    const first = await startServers(dataDir, messages);
    await remember(first, 3);
    process.kill(await postgresPid(dataDir), 'SIGKILL');
    process.kill(await redisPid(dataDir), 'SIGKILL');
    await until('both ends are logged', () => messages.length === 2);
    await first.stop();
    const second = await startServers(dataDir);
    expect(messages.sort()).toEqual(['PostgreSQL ended by itself', 'Redis ended by itself']);
    expect(await remembered(second)).toEqual([3, 3]);
    await second.stop();
  });

  it('when their process is killed, which leaves no server behind', async () => {
    const first = await startServersApart(dataDir);
    await remember(first, 4);
    const pids = await Promise.all([postgresPid(dataDir), redisPid(dataDir)]);
    await first.kill();
    await until('both servers are gone', async () => (await living(pids)).length === 0);
    const second = await startServers(dataDir);
    expect(await remembered(second)).toEqual([4, 4]);
    await second.stop();
  });

  it('when their process is killed and the next one starts at the same moment', async () => {
    const first = await startServersApart(dataDir);
    await remember(first, 5);
    await first.kill();
    const second = await startServers(dataDir);
    expect(await remembered(second)).toEqual([5, 5]);
    await second.stop();
  });

  it('when servers have outlived their process: the next start ends them first', async () => {
    const first = await startServersApart(dataDir);
    await remember(first, 6);
    const orphans = await Promise.all([postgresPid(dataDir), redisPid(dataDir)]);
    const watchers = await watchersOf(orphans);
    expect(watchers).toHaveLength(2);
    for (const watcher of watchers) process.kill(watcher, 'SIGKILL');
    await first.kill();
    expect(await living(orphans)).toEqual(orphans);
    const second = await startServers(dataDir);
    expect(await living(orphans)).toEqual([]);
    expect(await remembered(second)).toEqual([6, 6]);
    await second.stop();
  });
});

describe('what a crash leaves in the directory does no harm:', () => {
  it('pid files and a lock with process ids that other programs have since been given', async () => {
    const first = await startServers(dataDir);
    await remember(first, 7);
    const pidFile = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8');
    await first.stop();
    const living = String(process.pid);
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), pidFile.replace(/^\d+/, living));
    await writeFile(join(dataDir, 'redis', 'redis.pid'), `${living}\n`);
    await writeFile(join(dataDir, 'lock'), `{"pid":${living},"started":"another day","token":"1"}`);
    const second = await startServers(dataDir);
    expect(await remembered(second)).toEqual([7, 7]);
    await second.stop();
  });

  it('half a lock file, half a cluster, and half a command in the append-only file', async () => {
    await writeFile(join(dataDir, 'lock'), '{"pi');
    await mkdir(join(dataDir, 'postgres.new'));
    await writeFile(join(dataDir, 'postgres.new', 'PG_VERSION'), '18\n');
    const first = await startServers(dataDir);
    await remember(first, 8);
    await first.stop();
    const log = join(dataDir, 'redis', 'appendonlydir');
    const growing = (await readdir(log)).find((name) => name.endsWith('.incr.aof')) ?? '';
    await appendFile(join(log, growing), '*3\r\n$3\r\nSET\r\n$10\r\nrememb');
    const second = await startServers(dataDir);
    expect(await remembered(second)).toEqual([8, 8]);
    await second.stop();
  });
});

describe('when they cannot start', () => {
  it('a missing password file is named in the error, and no new one is made', async () => {
    await (await startServers(dataDir)).stop();
    await rm(join(dataDir, 'postgres-password'));
    await expect(startServers(dataDir)).rejects.toThrow('postgres-password is missing');
    expect(await readdir(dataDir)).not.toContain('lock');
  });

  it('data of another version of PostgreSQL are left untouched', async () => {
    await (await startServers(dataDir)).stop();
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '15\n');
    await expect(startServers(dataDir)).rejects.toThrow('was made by PostgreSQL 15');
  });
});

describe('below a directory that only its owner may enter', () => {
  it('they start, and find their data again', async () => {
    await made.remove();
    made = await aDataDir({ mode: 0o700 });
    const first = await startServers(made.path);
    await remember(first, 9);
    await first.stop();
    const second = await startServers(made.path);
    expect(await remembered(second)).toEqual([9, 9]);
    await second.stop();
  });
});

async function living(pids: number[]): Promise<number[]> {
  const starts = await Promise.all(pids.map(startOfProcess));
  return pids.filter((_pid, index) => starts[index] !== null);
}

/** Redis answers a map as names and values in turn. */
function pairs(answer: unknown): [unknown, unknown][] {
  const list = Array.isArray(answer) ? answer : [];
  return list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1]]] : []));
}
