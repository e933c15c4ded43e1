/** A migrated, empty database of one's own in a fraction of a second: a clone of the run's template. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, DatabaseError, Pool } from 'pg';
import { testServers } from './test-servers.js';

const CLONE_COUNT_MAX = 50;
const CLONE_AGAIN_MS = 100;
const OBJECT_IN_USE = '55006';

export interface TestDatabase {
  readonly url: string;
  /** For the test's own SQL: what it holds or breaks takes no connection from the service. It connects at its first use. */
  readonly pool: Pool;
  /** Ends whatever is still connected. */
  drop(): Promise<void>;
}

/**
 * `template: 'template0'` gives an empty database without our tables. `timezone`, or TALLY_TEST_TIMEZONE for all tests of a run, is the
 * zone of its sessions: nothing may depend on it.
 */
export async function aDatabase({
  template = 'tally_template',
  timezone = process.env['TALLY_TEST_TIMEZONE'],
}: { template?: string; timezone?: string | undefined } = {}): Promise<TestDatabase> {
  const name = `tally_test_${randomBytes(8).toString('hex')}`;
  await clone(name, template);
  if (timezone !== undefined) await administrate(`alter database ${name} set timezone = '${timezone}'`);
  const url = testServers().postgresUrl.replace(/\/tally$/, `/${name}`);
  const pool = new Pool({ connectionString: url, options: '-c timezone=UTC' });
  // A test may end the server under an idle connection; without a listener that would end the process.
  pool.on('error', () => {});
  return {
    url,
    pool,
    async drop() {
      if (!pool.ended) await pool.end();
      await administrate(`drop database if exists ${name} with (force)`);
    },
  };
}

async function clone(name: string, template: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await administrate(`create database ${name} template ${template}`);
    } catch (error) {
      const isInUse = error instanceof DatabaseError && error.code === OBJECT_IN_USE;
      if (!isInUse || attempt === CLONE_COUNT_MAX) throw error;
      await delay(CLONE_AGAIN_MS);
    }
  }
}

async function administrate(sql: string): Promise<void> {
  const client = new Client({ connectionString: testServers().postgresUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
