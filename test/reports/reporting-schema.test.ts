import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Period } from '../../src/domain/period.js';
import { FocusExports } from '../../src/reports/focus-exports.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent } from '../support/builders.js';
import { buy, expectAgreement, voidEvent, voidGrant } from '../support/correcting.js';
import { aDatabase } from '../support/database.js';
import { picosOf, readFocus, sumPicos } from '../support/focus-checker.js';
import { loginAsReader } from '../support/reporting-reader.js';

const VIEWS = [
  'balances',
  'caps',
  'credit_grants',
  'daily_usage',
  'focus',
  'intake_problems',
  'monthly_spend',
  'project_spend',
];

describe('the schema "reporting"', () => {
  let books: Books;
  let reader: pg.Client;
  beforeAll(async () => {
    books = await theBooks();
    reader = await loginAsReader(books.postgres.url);
    await buy(books, 'entity1', 100_000_001n);
    await buy(books, 'entity1', 7n, { category: 'promotional', priority: 0 });
    const voided = await buy(books, 'entity2', 3n);
    await voidGrant(books, { entity: 'entity2', id: voided.id });
    const late = anEvent({ occurredAt: new Date('2026-10-20T00:00:00Z') });
    const wrong = anEvent();
    await books.recorder.record([anEvent(), anEvent({ subject: 'entity2/p' }), late, wrong]);
    await voidEvent(books, wrong);
    await expectAgreement(books);
  });
  afterAll(async () => {
    await reader.end();
    await books.close();
  });

  const valueOf = async (sql: string): Promise<string> => String((await reader.query(sql)).rows[0]?.value);

  it('has these views, and each says what it is', async () => {
    const { rows } = await books.postgres.pool.query<{ view: string; comment: string | null }>(
      `select relname as view, obj_description(oid) as comment from pg_class
       where relnamespace = 'reporting'::regnamespace and relkind = 'v' order by 1`,
    );
    expect(rows.map(({ view }) => view)).toEqual(VIEWS);
    expect(rows.filter(({ comment }) => comment === null)).toEqual([]);
  });

  it.each(VIEWS)('%s is readable by its role', async (view) => {
    await expect(reader.query(`select * from reporting.${view}`)).resolves.toBeDefined();
  });

  it('shows its role nothing else, and lets it change nothing', async () => {
    const { rows } = await books.postgres.pool.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
    );
    expect(rows.length).toBeGreaterThan(15);
    for (const { name } of rows) {
      await expect(reader.query(`select from public.${name}`)).rejects.toThrow('permission denied');
    }
    await reader.query('set default_transaction_read_only = off');
    for (const sql of [
      'create table t (a int)',
      'create table reporting.t (a int)',
      'drop view reporting.caps',
    ]) {
      await expect(reader.query(sql)).rejects.toThrow(/permission denied|must be owner/);
    }
    await reader.query('reset default_transaction_read_only');
    await expect(reader.query('create temporary table t (a int)')).rejects.toThrow('read-only');
  });

  it('gives its role neither long statements nor rights of an administrator', async () => {
    expect(await valueOf(`select current_setting('statement_timeout') as value`)).toBe('15s');
    const { rows } = await books.postgres.pool.query(
      `select rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls as mighty from pg_roles
       where rolname = 'tally_reader'`,
    );
    expect(rows).toEqual([{ mighty: false }]);
    await reader.query(`set statement_timeout = '20ms'`);
    const holder = await books.postgres.pool.connect();
    await holder.query('select pg_advisory_lock(1)');
    try {
      await expect(reader.query('select pg_advisory_lock(1)')).rejects.toThrow('statement timeout');
    } finally {
      holder.release(true);
    }
    await reader.query('reset statement_timeout');
  });

  it('shows dollars to the picodollar, which add up to the books', async () => {
    const spent = await books.postgres.pool.query(
      `select sum(cost_picos)::text as cost, sum(overage_picos)::text as overage from entity_spend`,
    );
    const { cost, overage } = spent.rows[0];
    for (const view of ['daily_usage', 'monthly_spend', 'project_spend']) {
      expect(dollars(await valueOf(`select sum(cost_usd) as value from reporting.${view}`))).toBe(
        BigInt(cost),
      );
    }
    for (const view of ['daily_usage', 'monthly_spend']) {
      expect(dollars(await valueOf(`select sum(overage_usd) as value from reporting.${view}`))).toBe(
        BigInt(overage),
      );
    }
  });

  it('shows in "focus" the sums of the export', async () => {
    const exports = new FocusExports(books.database.lagging, { name: 'Tally', address: null });
    const csv = await text(await exports.open({ entity: null, period: '2026-11' as Period }));
    for (const column of ['BilledCost', 'EffectiveCost']) {
      const shown = await valueOf(
        `select sum("${column}") as value from reporting.focus where "BillingPeriodStart" = '2026-11-01'`,
      );
      // The view has no rounding.
      const exact = readFocus(csv).filter((row) => !row['ChargeDescription']?.startsWith('Rounding'));
      expect(dollars(shown)).toBe(sumPicos(exact, column));
    }
    expect(
      await valueOf(`select count(*) as value from reporting.focus where "ChargeClass" = 'Correction'`),
    ).not.toBe('0');
  });

  it('shows every cap in force', async () => {
    const { rows } = await reader.query(
      `select entity, cap, cap_usd::numeric::text from reporting.caps order by 1`,
    );
    expect(rows).toEqual([
      { entity: 'entity1', cap: 'monthly', cap_usd: '100.000000000000' },
      { entity: 'entity2', cap: 'monthly', cap_usd: '100.000000000000' },
    ]);
  });
});

describe('creating the role', () => {
  const migration = readFileSync(
    new URL('../../prisma/migrations/20261122000000_baseline/migration.sql', import.meta.url),
    'utf8',
  );
  const blocksFor = (role: string): string =>
    (migration.match(/^do \$\$.*?^\$\$;/gms) ?? [])
      .filter((block) => block.includes('tally_reader'))
      .join('\n')
      .replaceAll('tally_reader', role);

  const withClients = async (
    urls: readonly string[],
    work: (clients: pg.Client[]) => Promise<void>,
  ): Promise<void> => {
    const clients = urls.map((url) => new pg.Client({ connectionString: url }));
    try {
      await Promise.all(clients.map((client) => client.connect()));
      await work(clients);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  };

  it('is left to an administrator if the migrating user may not create roles', async () => {
    const database = await aDatabase();
    await withClients([database.url], async ([client]) => {
      const user = `migrator_${randomUUID().replaceAll('-', '')}`;
      await client!.query(
        `create role ${user}; grant usage on schema reporting to ${user}; set role ${user}`,
      );
      await expect(client!.query(blocksFor(`reader_of_${user}`))).resolves.toBeDefined();
      await client!.query(`reset role; drop owned by ${user}; drop role ${user}`);
    });
    await database.drop();
  });

  it('happens once when two databases of a cluster are migrated at the same time', async () => {
    const databases = await Promise.all([aDatabase(), aDatabase()]);
    const role = `reader_${randomUUID().replaceAll('-', '')}`;
    await withClients(
      databases.map(({ url }) => url),
      async (clients) => {
        await Promise.all(clients.map((client) => client.query(blocksFor(role))));
        for (const client of clients) {
          const { rows } = await client.query(
            `select has_table_privilege('${role}', 'reporting.caps', 'select') as may`,
          );
          expect(rows).toEqual([{ may: true }]);
          await client.query(`drop owned by ${role}`);
        }
        await clients[0]!.query(`drop role ${role}`);
      },
    );
    await Promise.all(databases.map((database) => database.drop()));
  });
});

/** A sum of dollars with twelve decimals → picodollars. */
function dollars(printed: string): bigint {
  return picosOf(printed.replace(/\.?0+$/, ''));
}
