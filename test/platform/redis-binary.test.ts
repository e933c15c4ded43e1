/** Which Redis is run: the machine's own if it will do, else the distribution's, else a line that says how to get one. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findRedis } from '../../src/platform/embedded/redis-binary.js';

const path = process.env['PATH'];
let directory: string;
const log = () => undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-test-binary-'));
  await mkdir(join(directory, 'bin'));
  // `sh` is found by its path; nothing else is to be found.
  process.env['PATH'] = join(directory, 'bin');
});

afterEach(async () => {
  process.env['PATH'] = path;
  await rm(directory, { recursive: true, force: true });
});

async function install(name: string, version: string): Promise<void> {
  const script = `#!/bin/sh\necho "Server v=${version} sha=0:0 bits=64"\n`;
  await writeFile(join(directory, 'bin', name), script, { mode: 0o755 });
}

/** This machine's programs without some that it may have. */
async function installAllBut(names: readonly string[]): Promise<void> {
  for (const entry of `${path}`.split(':')) {
    for (const name of await readdir(entry).catch(() => [])) {
      // The first on the PATH is there already.
      if (!names.includes(name))
        await symlink(join(entry, name), join(directory, 'bin', name)).catch(() => {});
    }
  }
}

describe('the Redis to run', () => {
  it('is the redis-server of the PATH', async () => {
    await install('redis-server', '7.0.15');
    await install('valkey-server', '8.0.0');
    expect((await findRedis({ cacheDir: directory, log })).command).toBe('redis-server');
  });

  it('is valkey-server where redis-server is missing or older than 6.2', async () => {
    await install('valkey-server', '8.0.0');
    expect((await findRedis({ cacheDir: directory, log })).command).toBe('valkey-server');
    await install('redis-server', '6.0.16');
    expect((await findRedis({ cacheDir: directory, log })).command).toBe('valkey-server');
  });

  it('is missing where nothing can be downloaded, and the message says how to get one', async () => {
    await expect(findRedis({ cacheDir: directory, log })).rejects.toThrow(
      /apt-get install redis-server.*REDIS_URL/,
    );
  });

  it('is downloaded from the distribution once, and runs without being installed', async () => {
    await installAllBut(['redis-server', 'valkey-server']);
    const messages: string[] = [];
    const find = () =>
      findRedis({ cacheDir: join(directory, 'cache'), log: (message) => messages.push(message) }).then(
        ({ command }) => command,
        (error: unknown) => String(error),
      );
    // Only Debian and its children have the program that downloads; elsewhere the message is all there is.
    const isDebian = existsSync('/usr/bin/apt-get');
    const wanted = isDebian ? '/cache/redis/usr/bin/redis-server' : 'Install one';
    expect(await find()).toContain(wanted);
    expect(await find()).toContain(wanted);
    expect(messages).toHaveLength(isDebian ? 1 : 2);
  });
});
