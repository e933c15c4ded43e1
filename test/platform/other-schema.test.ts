import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { applyMigrations } from '../../src/platform/migrate.js';
import { asService, mayServe, schemaOfSessions } from '../../src/platform/service-role.js';
import { anApp } from '../support/app.js';
import { corePath, TURN } from '../support/core-path.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { TestClock } from '../support/test-clock.js';

const migrationsDir = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const inBilling = (url: string): string => `${url}?schema=billing`;

async function seenBy(through?: (url: string) => Promise<string>): Promise<Record<string, unknown>> {
  const app = await anApp({
    role: 'all',
    clock: new TestClock(new Date(TURN)),
    ...(through !== undefined && { postgres: { template: 'template0' }, through }),
  });
  try {
    const seen = await corePath(app);
    const { rows } = await app.postgres.pool.query(`
      select nspname, count(*)::integer from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where relkind in ('r', 'p', 'S', 'v') and nspname !~ '^(pg_|information_schema)' group by 1 order by 1`);
    return { seen, schemas: rows };
  } finally {
    await app.close();
  }
}

describe('in a schema of its own', () => {
  it('a migration can work, because it names no other', () => {
    const names = readdirSync(migrationsDir).filter((name) => !name.endsWith('.toml'));
    const sql = names
      .map((name) => readFileSync(join(migrationsDir, name, 'migration.sql'), 'utf8'))
      .join('\n');
    expect(sql.match(/\bpublic\.|schema public|search_path = (?!%I|reporting)[^\n]*/g) ?? []).toEqual([]);
  });

  it('Tally does what it does in public, and leaves nothing there', async () => {
    const usual = await seenBy();
    const other = await seenBy(async (url) => {
      await applyMigrations({ databaseUrl: inBilling(url), migrationsDir });
      const owner = new pg.Client({ connectionString: url });
      await owner.connect();
      await owner.query('drop schema public cascade');
      await owner.end();
      return asService(inBilling(url));
    });
    expect(other['seen']).toEqual(usual['seen']);
    expect(usual['seen']).toMatchObject({ differing: [] });
    const [first, ...rest] = usual['schemas'] as { nspname: string; count: number }[];
    // The clone of the template has no schema of migrations of its own.
    expect(other['schemas']).toEqual([{ nspname: 'billing', count: first!.count }, ...rest]);
  });
});

describe('a database', () => {
  let database: TestDatabase;
  let owner: string;
  beforeEach(async () => {
    database = await aDatabase({ template: 'template0' });
    owner = `owner_${new URL(database.url).pathname.slice(-16)}`;
    await database.pool.query(`create role ${owner} login password 'x'`);
    await database.pool.query(`revoke create on schema public from public`);
  });
  afterEach(async () => {
    await database.pool.query(`drop owned by ${owner} cascade`);
    await database.pool.query(`drop role ${owner}`);
    await database.drop();
  });

  const as = (query = '') => {
    const url = new URL(database.url);
    url.username = owner;
    url.password = 'x';
    url.search = query;
    return url.href;
  };
  const migrate = (databaseUrl: string) => applyMigrations({ databaseUrl, migrationsDir });

  it('takes an owner who may make nothing in it but in schemas that somebody made for them', async () => {
    await database.pool.query(
      `create schema billing authorization ${owner}; create schema reporting authorization ${owner}`,
    );
    expect((await migrate(as('?schema=billing'))).applied).toHaveLength(1);
    expect((await migrate(as('?schema=billing'))).applied).toEqual([]);
    const { rows } = await database.pool.query(
      `select count(*)::integer as count from reporting.daily_usage`,
    );
    expect(rows).toEqual([{ count: 0 }]);
  });

  it('says what is missing to an owner without rights, and is as it was', async () => {
    await expect(migrate(as('?schema=billing'))).rejects.toThrow(/permission denied for database/);
    await expect(migrate(as())).rejects.toThrow(/permission denied for schema public/);
    await database.pool.query(`create schema billing authorization ${owner}`);
    await expect(migrate(as('?schema=billing'))).rejects.toThrow(/permission denied for database/);
    await database.pool.query(`create schema reporting authorization ${owner}`);
    await database.pool.query(
      `update billing._prisma_migrations set rolled_back_at = now() where finished_at is null`,
    );
    expect((await migrate(as('?schema=billing'))).applied).toHaveLength(1);
  });

  it('is refused where sessions begin in another schema than the URL names', async () => {
    await database.pool.query(`create schema ${owner} authorization ${owner}`);
    await expect(migrate(as())).rejects.toThrow(
      new RegExp(`begin in the schema ${owner}.*are in public.*schema=.*search_path = public`),
    );
    await database.pool.query(`drop schema ${owner}; create schema reporting authorization ${owner}`);
    await database.pool.query(`create schema billing authorization ${owner}`);
    await migrate(as('?schema=billing'));
    expect(await schemaOfSessions(as('?schema=billing'))).toBe('billing');
    expect(await schemaOfSessions(as('?schema=empty'))).toBeNull();
    // What a pooler drops, the user may have.
    await database.pool.query(`alter role ${owner} set search_path = billing`);
    expect(await schemaOfSessions(as())).toBe('billing');
  });

  it('lets the service into the schema, and nobody else', async () => {
    await migrate(inBilling(database.url));
    expect(await mayServe(inBilling(database.url))).toBe(true);
    expect(await schemaOfSessions(asService(inBilling(database.url)))).toBe('billing');
    expect(await schemaOfSessions(as('?schema=billing'))).toBeNull();
  });
});
