/**
 * The PostgreSQL of one test run, as a process of its own: Jest loads its setup in a way that cannot load our modules,
 * and this process notices when Jest ends, however it ends.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/platform/embedded/embedded-postgres.js';
import { applyMigrations } from '../../src/platform/migrate.js';
import { findRedis } from '../../src/platform/embedded/redis-binary.js';

/** Nothing of a test outlives a crash of the machine, so nothing waits for the disk. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '400' };

const root = resolve(import.meta.dirname, '..', '..');
const parentIsGone = new Promise<void>((gone) => {
  process.once('disconnect', gone);
});
await main();

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tally-test-'));
  let postgres: EmbeddedPostgres | null = null;
  try {
    // The server's user must get through to its own directory in there.
    await chmod(dataDir, 0o711);
    postgres = await startEmbeddedPostgres({ dataDir, settings: FAST, log: console.error });
    await makeTemplate(postgres.url);
    const redis = await findRedis({ cacheDir: join(root, '.data', 'redis-binary'), log: console.error });
    process.send?.({ ready: { postgresUrl: postgres.url, redis } });
    await parentIsGone;
  } catch (error) {
    process.send?.({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    process.exitCode = 1;
  } finally {
    await postgres?.end();
    await rm(dataDir, { recursive: true, force: true });
    if (process.connected) process.disconnect();
  }
}

/** Closed to connections once it is made, so that clones never find it in use. */
async function makeTemplate(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('create database tally_template');
    const databaseUrl = url.replace(/\/tally$/, '/tally_template');
    await applyMigrations({ databaseUrl, migrationsDir: join(root, 'prisma', 'migrations') });
    await client.query('alter database tally_template with is_template true allow_connections false');
  } finally {
    await client.end();
  }
}
