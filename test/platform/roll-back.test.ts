/** An older release over the database of a newer one: after a roll-back, or while processes are replaced one after the other. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { applyMigrations, requireMigrated, type Migrated } from '../../src/platform/migrate.js';
import { lockMigrations } from '../../src/platform/migrate.sql.js';
import { query } from '../support/data-dir.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

const OLD = '20260101000000_old';
const NEW = '20260102000000_new';
const WORKS = 'alter table counts add column b int;';
const FAILS = 'alter table counts add column b int; select 1 / 0;';

let database: TestDatabase;
let releases: string;
beforeEach(async () => {
  database = await aDatabase({ template: 'template0' });
  releases = await mkdtemp(join(tmpdir(), 'tally-test-releases-'));
  await release('old', { [OLD]: 'create table counts (a int);' });
});
afterEach(async () => {
  await database.drop();
  await rm(releases, { recursive: true, force: true });
});

async function release(name: string, migrations: Record<string, string>): Promise<void> {
  for (const [migration, sql] of Object.entries(migrations)) {
    await mkdir(join(releases, name, migration), { recursive: true });
    await writeFile(join(releases, name, migration, 'migration.sql'), sql);
  }
}
const newer = (sql: string) => release('new', { [OLD]: 'create table counts (a int);', [NEW]: sql });

const startOf = (name: string) => ({ databaseUrl: database.url, migrationsDir: join(releases, name) });
const migrate = (name: string): Promise<Migrated> => applyMigrations(startOf(name));

describe.each([
  ['that migrates', (name: string) => applyMigrations(startOf(name))],
  ['that applies no migrations', (name: string) => requireMigrated(startOf(name))],
])('an older release %s', (_, start) => {
  it('starts over what a newer one has added, and names it', async () => {
    await newer(WORKS);
    await migrate('new');
    expect(await start('old')).toMatchObject({ applied: [], newer: [NEW], newerFailed: [] });
  });

  it('starts beside a migration of a newer one that has failed, and names it', async () => {
    await migrate('old');
    await newer(FAILS);
    await expect(migrate('new')).rejects.toThrow(NEW);
    expect(await start('old')).toMatchObject({ applied: [], newer: [], newerFailed: [NEW] });
  });

  it('starts while a newer one is migrating, without waiting for it', async () => {
    await migrate('old');
    const migrating = new pg.Client({ connectionString: database.url });
    await migrating.connect();
    await lockMigrations(migrating);
    expect(await start('old')).toMatchObject({ applied: [] });
    await migrating.end();
  });
});

describe('an older release that lacks one of its own beside a failed one of a newer', () => {
  const BETWEEN = '20260101120000_between';
  const startLacking = async (sql: string): Promise<string> => {
    await migrate('old');
    await newer(FAILS);
    await expect(migrate('new')).rejects.toThrow(NEW);
    await release('old', { [BETWEEN]: sql });
    return migrate('old').then(() => '', String);
  };

  it('says that a newer one stands in the way, and does not call it its own', async () => {
    const message = await startLacking('create table other (a int);');
    expect(message).toContain(`${BETWEEN} cannot be applied`);
    expect(message).toContain(`a newer release's migration ${NEW} has failed`);
    expect(message).not.toContain(`The migration ${NEW} failed`);
    await query(database.url, /"(update .*?)"/.exec(message)?.[1] ?? '');
    expect(await migrate('old')).toMatchObject({ applied: [BETWEEN] });
  });

  it('names its own where that has failed too', async () => {
    const message = await startLacking('create table other (a int);');
    await query(database.url, /"(update .*?)"/.exec(message)?.[1] ?? '');
    await release('old', { [BETWEEN]: 'select 1 / 0;' });
    await expect(migrate('old')).rejects.toThrow(`The migration ${BETWEEN} failed`);
    await query(database.url, `update _prisma_migrations set rolled_back_at = null`);
    await expect(migrate('old')).rejects.toThrow(`The migration ${BETWEEN} failed`);
  });
});

describe('a newer release whose migration has failed', () => {
  it('says so again at each start, with how to go on, and goes on once that is done', async () => {
    await newer(FAILS);
    await expect(migrate('new')).rejects.toThrow(/_new failed: .*division by zero/);
    await expect(migrate('new')).rejects.toThrow(/_new failed: .*division by zero/);
    expect(await query(database.url, 'select * from counts')).toEqual([]);
    await newer(WORKS);
    const message = await migrate('new').then(() => '', String);
    await query(database.url, /"(update .*?)"/.exec(message)?.[1] ?? '');
    expect(await migrate('new')).toMatchObject({ applied: [NEW], newer: [], newerFailed: [] });
  });
});
