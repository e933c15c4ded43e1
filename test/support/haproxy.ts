/** HAProxy for a test, where the machine has it. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './until.js';

const run = promisify(execFile);
const env = { PATH: `${process.env['PATH']}:/usr/sbin` };

export async function hasHaproxy(): Promise<boolean> {
  return run('haproxy', ['-v'], { env }).then(
    () => true,
    () => false,
  );
}

export type Haproxy = { stop(): Promise<void> };

/** Runs with this configuration in the foreground, until it is stopped. Resolves when a server behind it answers at `url`. */
export async function startHaproxy(configuration: string, url: string): Promise<Haproxy> {
  const directory = await mkdtemp(join(tmpdir(), 'tally-haproxy-'));
  const file = join(directory, 'haproxy.cfg');
  await writeFile(file, configuration);
  const child = spawn('haproxy', ['-db', '-f', file], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let printed = '';
  child.stderr.on('data', (chunk) => (printed += String(chunk)));
  const ended = once(child, 'close');
  await until('a server behind HAProxy answers', async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended: ${printed}`);
    return fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
