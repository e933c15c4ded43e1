/** A primary and a hot standby that streams from it, behind one address that leads to the one of them that a test chooses. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../src/platform/embedded/embedded-postgres.js';
import { postgresPid } from './data-dir.js';
import { aFaultProxy, through } from './fault-proxy.js';
import { until } from './until.js';

const run = promisify(execFile);

/** As the standby calls itself. */
const STANDBY = 'standby';
const SETTINGS = { fsync: 'off', shared_buffers: '32MB' };

export type PostgresPair = {
  /** Where the service finds the one that `lead` chose; the primary at first. */
  readonly url: string;
  /** The standby itself, for reports. */
  readonly standbyUrl: string;
  readonly askPrimary: (sql: string) => Promise<unknown[]>;
  readonly askStandby: (sql: string) => Promise<unknown[]>;
  /** At once, with everything in flight lost. It does not come back. */
  crashPrimary(): Promise<void>;
  /** New connections to `url` go to the standby. */
  leadToStandby(): void;
  /** The standby takes writes from now on. */
  promote(): Promise<void>;
  drop(): Promise<void>;
};

/** A commit on the primary is answered once the standby has it on disk. */
export async function aPostgresPair(): Promise<PostgresPair> {
  const root = await mkdtemp(join(tmpdir(), 'tally-test-pair-'));
  await chmod(root, 0o711);
  const [first, second] = [join(root, 'first'), join(root, 'second')];
  for (const directory of [first, second]) {
    await mkdir(directory);
    await chmod(directory, 0o711);
  }
  const start = (dataDir: string, settings: Record<string, string> = {}): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDir, settings: { ...SETTINGS, ...settings }, log: () => {} });
  // A copy of the files of a server that is stopped is a base backup.
  await (await start(first)).end();
  await run('cp', ['-a', `${first}/.`, second]);
  await writeFile(join(second, 'postgres', 'standby.signal'), '');
  const primary = await start(first, { synchronous_standby_names: STANDBY });
  const standby = await start(second, {
    primary_conninfo: connectionInfo(primary.url),
    // Whoever reads there does not hold up what streams.
    max_standby_streaming_delay: '0',
  });
  await until('the standby streams', async () => {
    const rows = await ask(primary.url, `select from pg_stat_replication where sync_state = 'sync'`);
    return rows.length === 1;
  });
  const front = await aFaultProxy(new URL(primary.url));
  return {
    url: through(front, primary.url),
    standbyUrl: standby.url,
    askPrimary: (sql) => ask(primary.url, sql),
    askStandby: (sql) => ask(standby.url, sql),
    async crashPrimary() {
      process.kill(await postgresPid(first), 'SIGQUIT');
      await primary.end();
    },
    leadToStandby: () => front.aim(new URL(standby.url)),
    async promote() {
      await ask(standby.url, 'select pg_promote()');
    },
    async drop() {
      await primary.end();
      await standby.end();
      await front.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function connectionInfo(url: string): string {
  const { hostname, port, username, password } = new URL(url);
  return `host=${hostname} port=${port} user=${username} password=${password} application_name=${STANDBY}`;
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
