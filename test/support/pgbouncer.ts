/** PgBouncer for a test, as its package sets it up, where the machine has it. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePort } from '../../src/platform/embedded/server-process.js';
import { until } from './until.js';

const run = promisify(execFile);
const env = { PATH: `${process.env['PATH']}:/usr/sbin` };

/** Its version, such as 1.18, or null where it is not installed. */
export async function findPgBouncer(): Promise<number | null> {
  const { stdout } = await run('pgbouncer', ['--version'], { env }).catch(() => ({ stdout: '' }));
  const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(stdout) ?? [];
  return major === undefined ? null : Number(major) * 1_000 + Number(minor);
}

export type PgBouncer = { readonly url: string; stop(): Promise<void> };

/** `settings`: more lines of its file, such as `pool_mode = session`. */
export type PgBouncerOptions = { readonly settings?: readonly string[] };

/** In front of the database, with few connections to it: in transaction pooling every transaction may get another one. */
export async function startPgBouncer(
  databaseUrl: string,
  { settings = [] }: PgBouncerOptions = {},
): Promise<PgBouncer> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const directory = await mkdtemp(join(tmpdir(), 'tally-pgbouncer-'));
  const listenPort = await freePort();
  const lines = [
    '[databases]',
    `* = host=${hostname} port=${port}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${listenPort}`,
    'unix_socket_dir =',
    'auth_type = trust',
    `auth_file = ${join(directory, 'users.txt')}`,
    ...settings,
  ];
  const user = decodeURIComponent(username);
  await writeFile(join(directory, 'users.txt'), `"${user}" "${decodeURIComponent(password)}"\n`);
  await writeFile(join(directory, 'pgbouncer.ini'), `${lines.join('\n')}\n`);
  // Started by root it becomes somebody else, who must get through to its files.
  await chmod(directory, 0o755);
  const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn('pgbouncer', [...asUser, join(directory, 'pgbouncer.ini')], { env, stdio: 'ignore' });
  const ended = once(child, 'close');
  const url = `postgresql://${username}:${password}@127.0.0.1:${listenPort}${pathname}`;
  await until(
    'PgBouncer answers',
    async () => {
      const client = new Client({ connectionString: url });
      client.on('error', () => {});
      const isThere = await client.connect().then(
        () => true,
        () => false,
      );
      await client.end().catch(() => {});
      return isThere;
    },
    20,
  );
  return {
    url,
    async stop() {
      child.kill('SIGINT');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
