/** Which service a command talks to: what the environment says, or an embedded service by its directory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectionOf } from '../../packages/cli/src/connection.js';
import { startOfProcess } from '../../src/platform/embedded/processes.js';
import { runTally } from '../support/cli.js';
import { aDataDir, type DataDir } from '../support/data-dir.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-connection-'));
  await writeFile(join(directory, 'key'), 'sk-of-a-file\n');
  await writeFile(join(directory, 'admin-key'), 'sk-embedded\n');
});
afterAll(() => rm(directory, { recursive: true }));

async function writeService(service: object | string): Promise<void> {
  const text = typeof service === 'string' ? service : JSON.stringify(service);
  await writeFile(join(directory, 'service.json'), text);
}

const URL_OF_ONE = 'https://tally.example.com/billing/';

describe('the environment', () => {
  it('names the service and the key, or a file that holds the key', () => {
    expect(connectionOf({ TALLY_URL: URL_OF_ONE, TALLY_API_KEY: 'sk-1' })).toEqual({
      url: 'https://tally.example.com/billing',
      key: 'sk-1',
    });
    expect(connectionOf({ TALLY_URL: URL_OF_ONE, TALLY_API_KEY_FILE: join(directory, 'key') }).key).toBe(
      'sk-of-a-file',
    );
  });

  it.each([
    [{ TALLY_URL: URL_OF_ONE }, 'TALLY_API_KEY must be set beside TALLY_URL'],
    [{ TALLY_URL: 'tally.example.com', TALLY_API_KEY: 'x' }, 'TALLY_URL must be a URL'],
    [{ TALLY_URL: 'ftp://x', TALLY_API_KEY: 'x' }, 'TALLY_URL must be a URL'],
    [{ TALLY_URL: 'https://me:secret@x', TALLY_API_KEY: 'x' }, 'must not hold a user or a password'],
    [{ TALLY_URL: URL_OF_ONE, TALLY_API_KEY: 'a b' }, 'must be one word'],
    [
      { TALLY_URL: URL_OF_ONE, TALLY_API_KEY: 'x', TALLY_API_KEY_FILE: '/x' },
      'must not be set beside TALLY_API_KEY',
    ],
    [{ TALLY_URL: URL_OF_ONE, TALLY_API_KEY_FILE: '/nonexistent' }, 'must name a file that can be read'],
    [{ DATA_DIR: '/nonexistent' }, 'no embedded service runs in /nonexistent (DATA_DIR)'],
  ])('%j is refused, and the reason says what to set', (environment, reason) => {
    expect(() => connectionOf(environment as Record<string, string>)).toThrow(reason);
  });

  it('with a key alone means the service that runs here', () => {
    expect(connectionOf({ TALLY_API_KEY: 'x', DATA_DIR: '/nonexistent' }).url).toBe('http://127.0.0.1:3000');
  });
});

describe('the file of an embedded service', () => {
  const url = 'http://127.0.0.1:4567';
  const connect = () => connectionOf({ DATA_DIR: directory });

  it('says where it is while that process runs', async () => {
    await writeService({ url, pid: process.pid, started: await startOfProcess(process.pid) });
    expect(connect()).toEqual({ url, key: 'sk-embedded' });
  });

  it('of a process that has ended, or whose number belongs to another one by now, counts as none', async () => {
    await writeService({ url, pid: process.pid, started: 'another time' });
    expect(connect).toThrow('no embedded service runs');
    await writeService({ url, pid: 2 ** 22 + 1, started: '1' });
    expect(connect).toThrow('no embedded service runs');
    await writeService('{"url":');
    expect(connect).toThrow('no embedded service runs');
  });
});

describe('an embedded service', () => {
  let data: DataDir;
  let redis: TestRedis;
  beforeAll(async () => {
    [data, redis] = await Promise.all([aDataDir(), aRedis()]);
  });
  afterAll(async () => {
    await Promise.all([data.remove(), redis.stop()]);
  });

  it('is found by its directory alone, in a file that only its owner may read and that is gone when it has ended', async () => {
    const service = spawn(process.execPath, ['dist/main.js'], {
      cwd: resolve(import.meta.dirname, '../..'),
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        HOST: '0.0.0.0',
        DATA_DIR: data.path,
        REDIS_URL: redis.url,
        DRAIN_SECONDS: '0',
      },
      stdio: 'ignore',
    });
    const file = join(data.path, 'service.json');
    try {
      await until('it says where it is', () =>
        stat(file).then(
          () => true,
          () => service.exitCode !== null,
        ),
      );
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const { url } = JSON.parse(await readFile(file, 'utf8')) as { url: string };
      const { code, stdout } = await runTally(['version', '--json'], { env: { DATA_DIR: data.path } });
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { url }]);
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      const asAdmin = await runTally(['entity', 'create', 'acme', '--plan', 'pro'], {
        env: { DATA_DIR: data.path },
      });
      expect([asAdmin.code, asAdmin.stdout]).toEqual([0, 'Created acme with the plan pro.\n']);
    } finally {
      service.kill('SIGTERM');
      if (service.exitCode === null) await once(service, 'exit');
    }
    await expect(stat(file)).rejects.toThrow('ENOENT');
    expect(await runTally(['queue'], { env: { DATA_DIR: data.path } })).toMatchObject({
      code: 2,
      stdout: '',
    });
  });
});
