/** A migrated, empty database of one's own in a fraction of a second: a clone of the run's template. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, DatabaseError, Pool } from 'pg';
import { asService } from '../../src/platform/service-role.js';
import { testServers } from './test-servers.js';

const CLONE_COUNT_MAX = 50;
const CLONE_AGAIN_MS = 100;
const OBJECT_IN_USE = '55006';

export interface TestDatabase {
  /** As the owner of its tables. */
  readonly url: string;
  /** As the service, which has fewer rights. */
  readonly serviceUrl: string;
  /** For the test's own SQL: what it holds or breaks takes no connection from the service. It connects at its first use. */
  readonly pool: Pool;
  /** Ends whatever is still connected. */
  drop(): Promise<void>;
}

export type DatabaseOptions = {
  readonly template?: string;
  readonly timezone?: string | undefined;
  readonly minutesAhead?: number;
};

/**
 * `minutesAhead`: its clock is so far ahead of everybody else's. `template: 'template0'` gives an empty database without our tables. `timezone`, or TALLY_TEST_TIMEZONE for all tests of a run, is the
 * zone of its sessions: nothing may depend on it.
 */
export async function aDatabase({
  template = 'tally_template',
  timezone = process.env['TALLY_TEST_TIMEZONE'],
  minutesAhead = 0,
}: DatabaseOptions = {}): Promise<TestDatabase> {
  const name = `tally_test_${randomBytes(8).toString('hex')}`;
  await clone(name, template);
  if (timezone !== undefined) await administrate(`alter database ${name} set timezone = '${timezone}'`);
  const url = testServers().postgresUrl.replace(/\/tally$/, `/${name}`);
  const pool = new Pool({ connectionString: url, options: '-c timezone=UTC' });
  if (minutesAhead !== 0) await shiftClock(pool, name, minutesAhead);
  // A test may end the server under an idle connection; without a listener that would end the process.
  pool.on('error', () => {});
  return {
    url,
    serviceUrl: asService(url),
    pool,
    async drop() {
      if (!pool.ended) await pool.end();
      await administrate(`drop database if exists ${name} with (force)`);
    },
  };
}

/** All SQL that asks for the time finds functions of ours before Postgres' own. */
async function shiftClock(pool: Pool, name: string, minutes: number): Promise<void> {
  await pool.query(`
    create schema shifted;
    grant usage on schema shifted to public;
    create function shifted.now() returns timestamptz language sql stable
      as $$ select pg_catalog.now() + interval '${minutes} minutes' $$;
    create function shifted.clock_timestamp() returns timestamptz language sql volatile
      as $$ select pg_catalog.clock_timestamp() + interval '${minutes} minutes' $$;
    alter database ${name} set search_path = shifted, pg_catalog, public`);
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
