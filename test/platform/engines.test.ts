/** Servers that speak Postgres' protocol and cannot keep the books are refused by name, before anything is changed in them. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { applyMigrations, engineProblem, requireMigrated } from '../../src/platform/migrate.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

const migrationsDir = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const COCKROACH = 'CockroachDB CCL v25.2.1 (x86_64-pc-linux-gnu, built 2025/06/01 00:00:00, go1.23.7)';

describe('the words of a server', () => {
  it.each([
    [COCKROACH, 130_000, 'advisory locks'],
    ['PostgreSQL 15.12-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu', 150_012, 'advisory locks'],
    ['PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.12103', null, 'advisory locks'],
    ['PostgreSQL 14.19 on x86_64-pc-linux-gnu, compiled by gcc', 140_019, 'use PostgreSQL 15 or newer'],
    ['Something that tells no version', null, 'use PostgreSQL 15 or newer'],
  ])('are the reason why it is refused: %s', (version, versionNumber, why) => {
    const problem = engineProblem({ version, versionNumber, spreadTables: [] });
    expect(problem).toContain(why);
    expect(problem).toContain(version);
  });

  it.each([
    ['PostgreSQL 15.0 on x86_64', 150_000],
    ['PostgreSQL 18.1 on x86_64', 180_001],
  ])('are those of one that is taken: %s', (version, versionNumber) => {
    expect(engineProblem({ version, versionNumber, spreadTables: [] })).toBeNull();
  });
});

describe('a start', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await aDatabase();
  });
  afterEach(() => database.drop());

  /** Functions that sessions find before Postgres' own, so that it answers as another engine does. */
  async function answersAsAnother(functions: string): Promise<void> {
    const { rows } = await database.pool.query('select current_database() as name');
    await database.pool.query(`
      create schema another; ${functions}
      alter database ${rows[0].name} set search_path = another, pg_catalog, public`);
  }
  const target = () => ({ databaseUrl: database.url, migrationsDir });
  const starts = [
    ['that migrates', () => applyMigrations(target())],
    ['that applies no migrations', () => requireMigrated(target())],
  ] as const;

  it.each(starts)('%s refuses an engine by the name that it answers', async (_, start) => {
    await answersAsAnother(
      `create function another.version() returns text language sql as $$ select '${COCKROACH}' $$;`,
    );
    await expect(start()).rejects.toThrow(`DATABASE_URL names ${COCKROACH}: its advisory locks do not lock`);
  });

  it.each(starts)('%s refuses one that gives the same lock to two, whatever its name', async (_, start) => {
    await answersAsAnother(
      `create function another.pg_try_advisory_xact_lock(bigint) returns boolean language sql as 'select true';`,
    );
    await expect(start()).rejects.toThrow(/DATABASE_URL names PostgreSQL .*: its advisory locks do not lock/);
  });

  it.each(starts)('%s refuses one that is older than 15', async (_, start) => {
    await answersAsAnother(
      `create function another.current_setting(text) returns text language sql as $$ select '140019' $$;`,
    );
    await expect(start()).rejects.toThrow('use PostgreSQL 15 or newer');
  });

  it.each(starts)('%s refuses a Citus that spreads a table of ours, whose name it says', async (_, start) => {
    // The columns of Citus' own catalog that are read.
    await database.pool.query('create table pg_dist_partition (logicalrel regclass)');
    await expect(start()).resolves.toMatchObject({ applied: [] });
    await database.pool.query(`insert into pg_dist_partition values ('usage_events')`);
    await expect(start()).rejects.toThrow(/Citus that spreads usage_events/);
  });
});
