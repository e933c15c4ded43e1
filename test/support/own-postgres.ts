/** A PostgreSQL of one's own that a test may crash: it comes back with what it had committed, under the same address. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../src/platform/embedded/embedded-postgres.js';
import { postgresPid } from './data-dir.js';
import { aFaultProxy, through } from './fault-proxy.js';

export type OwnPostgres = {
  readonly url: string;
  /** As `pg_ctl stop -m immediate` does: at once, with everything in flight lost. */
  crash(): Promise<void>;
  /** Starts it again; it recovers from its log. */
  restart(): Promise<void>;
  /** Keeps a copy of its files as they are now, as a snapshot of its volume would. */
  backUp(): Promise<void>;
  /** Ends it and starts it on the files of the backup. */
  restore(): Promise<void>;
  drop(): Promise<void>;
};

const run = promisify(execFile);

/** The machine lives on, so nothing has to wait for the disk. */
const SETTINGS = { fsync: 'off', shared_buffers: '32MB' };

export async function anOwnPostgres(): Promise<OwnPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tally-test-postgres-'));
  await chmod(dataDir, 0o711);
  const start = () => startEmbeddedPostgres({ dataDir, settings: SETTINGS, log: () => {} });
  let postgres: EmbeddedPostgres = await start();
  const front = await aFaultProxy(new URL(postgres.url));
  const [cluster, copy] = [join(dataDir, 'postgres'), join(dataDir, 'backup')];
  const startAgain = async (): Promise<void> => {
    postgres = await start();
    front.aim(new URL(postgres.url));
  };
  return {
    url: through(front, postgres.url),
    async crash() {
      process.kill(await postgresPid(dataDir), 'SIGQUIT');
      await postgres.end();
    },
    restart: startAgain,
    async backUp() {
      await postgres.end();
      await run('cp', ['-a', cluster, copy]);
      await startAgain();
    },
    async restore() {
      await postgres.end();
      await rm(cluster, { recursive: true });
      await run('cp', ['-a', copy, cluster]);
      await startAgain();
    },
    async drop() {
      await postgres.end();
      await front.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
