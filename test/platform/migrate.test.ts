/** Migrations are applied once, whole or not at all, and a failed one is named. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { applyMigrations, requireMigrated, type Migrated } from '../../src/platform/migrate.js';
import { lockMigrations } from '../../src/platform/migrate.sql.js';
import { query } from '../support/data-dir.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

const ONE = '20260101000000_one';
const TWO = '20260102000000_two';
let database: TestDatabase;
let migrationsDir: string;

beforeEach(async () => {
  database = await aDatabase({ template: 'template0' });
  migrationsDir = await mkdtemp(join(tmpdir(), 'tally-test-migrations-'));
});

afterEach(async () => {
  await database.drop();
  await rm(migrationsDir, { recursive: true, force: true });
});

async function write(name: string, sql: string): Promise<void> {
  await mkdir(join(migrationsDir, name), { recursive: true });
  await writeFile(join(migrationsDir, name, 'migration.sql'), sql);
}

/** The lock that migrations take, held here until others wait for it. */
async function aLockedMigration() {
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  await lockMigrations(holder);
  return {
    untilWaiting: (count: number) =>
      until(`${count} processes wait`, async () => {
        const waiting = `state = 'idle' and query = 'rollback'`;
        const { rows } = await database.pool.query(
          `select from pg_stat_activity where datname = current_database() and ${waiting}`,
        );
        return rows.length === count;
      }),
    release: () => holder.end(),
  };
}

function migrate(from = migrationsDir): Promise<Migrated> {
  return applyMigrations({ databaseUrl: database.url, migrationsDir: from });
}

describe('a start that applies no migrations', () => {
  const require = () => requireMigrated({ databaseUrl: database.url, migrationsDir });

  it('refuses a database that lacks some, by their names, and says what to do', async () => {
    await write(ONE, 'create table one (a int);');
    await expect(require()).rejects.toThrow(`lacks ${ONE}, and MIGRATE is off: run npm run migrate`);
    await migrate();
    await require();
    await write(TWO, 'create table two (a int);');
    await expect(require()).rejects.toThrow(`lacks ${TWO},`);
  });

  it('goes on beside what a newer release has added, or has failed to add', async () => {
    await write(ONE, 'create table one (a int);');
    await write(TWO, 'create table two (a int); select 1 / 0;');
    await expect(migrate()).rejects.toThrow(TWO);
    await rm(join(migrationsDir, TWO), { recursive: true });
    await require();
    await query(
      database.url,
      `update _prisma_migrations set finished_at = now() where migration_name = '${TWO}'`,
    );
    await require();
  });

  it('refuses a migration that the database has in another form, and an unavailable Postgres', async () => {
    await write(ONE, 'create table one (a int);');
    await migrate();
    await write(ONE, 'create table one (a bigint);');
    await expect(require()).rejects.toThrow('in another form');
    const nowhere = { databaseUrl: 'postgres://u@127.0.0.1:1/x', migrationsDir };
    await expect(requireMigrated(nowhere)).rejects.toThrow('Postgres is unavailable');
  });
});

describe('applyMigrations', () => {
  it('applies in the order of the names what has not been applied, and then nothing', async () => {
    await write(TWO, 'alter table one add column b int;');
    await write(ONE, 'create table one (a int);');
    expect(await migrate()).toMatchObject({ applied: [ONE, TWO] });
    expect(await migrate()).toMatchObject({ applied: [] });
    await write('20260103000000_three', 'alter table one add column c int;');
    expect(await migrate()).toMatchObject({ applied: ['20260103000000_three'] });
  });

  it('applies each migration once when several processes start together', async () => {
    await write(ONE, 'create table one (a int); insert into one values (1);');
    await write(TWO, 'insert into one values (2);');
    const together = await aLockedMigration();
    const migrating = [migrate(), migrate(), migrate()];
    await together.untilWaiting(3);
    await together.release();
    const results = await Promise.all(migrating);
    expect(results.flatMap(({ applied }) => applied)).toEqual([ONE, TWO]);
    expect(await query(database.url, 'select a from one order by a')).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('keeps functions and comments with semicolons whole', async () => {
    await write(
      ONE,
      `create function one() returns int language plpgsql as $$ begin perform 0; return 1; end; $$; -- it's; one
       create table one as select one() as a;`,
    );
    await migrate();
    expect(await query(database.url, 'select a from one')).toEqual([{ a: 1 }]);
  });

  it('writes the checksums that prisma migrate deploy looks for', async () => {
    const sql = 'create table one (a int);';
    await write(ONE, sql);
    await migrate();
    const rows = await query(
      database.url,
      'select migration_name, checksum, applied_steps_count from _prisma_migrations',
    );
    const checksum = createHash('sha256').update(sql).digest('hex');
    expect(rows).toEqual([{ migration_name: ONE, checksum, applied_steps_count: 1 }]);
  });
});

describe('a migration that was applied in another form', () => {
  it('is refused by name, with what to do, and nothing is changed', async () => {
    await write(ONE, 'create table one (a int);');
    await migrate();
    await write(ONE, 'create table one (a bigint);');
    await write(TWO, 'create table two (a int);');
    await expect(migrate()).rejects.toThrow(new RegExp(`${ONE} in another form.*another DATA_DIR`, 's'));
    expect(await query(database.url, `select to_regclass('two') as two`)).toEqual([{ two: null }]);
  });
});

describe('a migration that fails', () => {
  it('is named with its reason, leaves nothing behind, and stops those after it', async () => {
    await write(ONE, 'create table one (a int);');
    await write(TWO, 'create table two (a int); insert into nowhere values (1);');
    await write('20260103000000_three', 'create table three (a int);');
    await expect(migrate()).rejects.toThrow(/20260102000000_two failed: .*nowhere/);
    await expect(migrate()).rejects.toThrow(/20260102000000_two failed: .*nowhere/);
    const tables = `select to_regclass('one')::text as one, to_regclass('two')::text as two, to_regclass('three')::text as three`;
    expect(await query(database.url, tables)).toEqual([{ one: 'one', two: null, three: null }]);
  });

  it('is applied after it was mended and allowed again by the statement in the message', async () => {
    await write(ONE, 'creat table one (a int);');
    const message = await migrate().then(
      () => '',
      (error: unknown) => String(error),
    );
    expect(message).toContain('syntax error');
    await write(ONE, 'create table one (a int);');
    await query(database.url, /"(update .*?)"/.exec(message)?.[1] ?? '');
    expect(await migrate()).toMatchObject({ applied: [ONE] });
  });
});

describe('the surroundings', () => {
  it('a directory that is missing is named', async () => {
    const missing = join(migrationsDir, 'missing');
    await expect(migrate(missing)).rejects.toThrow(missing);
  });

  it('the engine is the very version that the installed Prisma would download', async () => {
    const manifestOf = async (name: string): Promise<unknown> =>
      JSON.parse(
        await readFile(join(import.meta.dirname, '../../node_modules', name, 'package.json'), 'utf8'),
      );
    const { version } = z
      .object({ version: z.string() })
      .parse(await manifestOf('@prisma/schema-engine-wasm'));
    expect(await manifestOf('@prisma/engines-version')).toMatchObject({ version });
  });
});
