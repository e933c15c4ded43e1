import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { prismaSchemaSql } from '../support/prisma-schema.js';
import { dumpSchema } from '../support/schema-dump.js';

const COMMITTED = new URL('../schema.sql', import.meta.url);

let migrated: TestDatabase;
let described: TestDatabase;
let migratedPool: pg.Pool;
let describedPool: pg.Pool;
beforeAll(async () => {
  [migrated, described] = await Promise.all([aDatabase(), aDatabase({ template: 'template0' })]);
  migratedPool = new pg.Pool({ connectionString: migrated.url });
  describedPool = new pg.Pool({ connectionString: described.url });
});
afterAll(async () => {
  await Promise.all([migratedPool.end(), describedPool.end()]);
  await Promise.all([migrated.drop(), described.drop()]);
});

describe('the schema', () => {
  it('after all migrations equals test/schema.sql (UPDATE_SCHEMA=1 rewrites the file)', async () => {
    const dump = await dumpSchema(migratedPool);
    if (process.env['UPDATE_SCHEMA'] === '1') writeFileSync(COMMITTED, dump);
    expect(dump).toBe(readFileSync(COMMITTED, 'utf8'));
  });

  it('has exactly the tables and columns that schema.prisma describes, with the same types', async () => {
    await describedPool.query(await prismaSchemaSql(described.url));
    const columns = `
      select table_name, column_name, udt_name, numeric_precision, datetime_precision, is_nullable
      from information_schema.columns
      where table_schema = 'public' and table_name <> '_prisma_migrations' and table_name !~ '^usage_(events|identities)_'
        and table_name not in (select table_name from information_schema.views where table_schema = 'public')
      order by 1, 2`;
    const [inMigrations, inPrisma] = await Promise.all([
      migratedPool.query(columns),
      describedPool.query(columns),
    ]);
    expect(inPrisma.rows).toEqual(inMigrations.rows);
    expect(inPrisma.rows.length).toBeGreaterThan(100);
  });

  it('names every constraint by what it demands', async () => {
    const { rows } = await migratedPool.query(`
      select conname from pg_constraint
      where connamespace = 'public'::regnamespace and contype in ('c', 'u', 'f')
        and conrelid::regclass::text !~ '^usage_(events|identities|hourly|daily)'
        and conname ~ '_(check|key|fkey)[0-9]*$'`);
    expect(rows).toEqual([]);
  });
});

describe('the database refuses', () => {
  beforeAll(async () => {
    await migratedPool.query(`
      insert into plans (name, overage) values ('p', 'allowed');
      insert into entities (name, plan, created_at) values ('e', 'p', now());
      insert into credit_grants (id, lot, entity, category, priority, amount_picos, remaining_picos, effective_at, created_at)
        values ('g', 1, 'e', 'paid', 50, 10, 10, now(), now());
      insert into ledger_entries (entity, kind, debit_account, credit_account, amount_picos, grant_id, period, booked_at)
        values ('e', 'purchase', 'cash', 'credits:g', 10, 'g', '2026-11', now());
      insert into audit_log (at, actor, action) values (now(), 'test', 'test');
      insert into usage_corrections (
        kind, identity, occurred_at, entity, project, model, period, corrected_period, requests, input_tokens,
        cached_input_tokens, output_tokens, reasoning_tokens, old_rate_id, old_cost_picos, new_cost_picos,
        old_burnt_picos, new_burnt_picos, movements, reason, actor, booked_at
      ) values (
        'void', '00000000-0000-0000-0000-000000000001', now(), 'e', 'p', 'm', '2026-11', '2026-11', -1, 0, 0, 0, 0, 1, 5, 0,
        5, 0, '[]', 'r', 'a', now()
      );
      insert into prices (model, effective_from, terms, meters, max_input_tokens, max_output_tokens, source, created_at)
        values ('m', now(), '{}', '{}', 1, 1, 's', now());
      insert into rates (price_id, unit_prices) select id, '{}' from prices;
      insert into closed_periods values ('e', '2026-11', 'ST-1', now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`);
  });

  it.each([
    ['a change of a ledger entry', `update ledger_entries set amount_picos = 11`],
    ['the loss of a ledger entry', `delete from ledger_entries`],
    ['the loss of the ledger', `truncate ledger_entries cascade`],
    ['a change of the audit log', `update audit_log set actor = 'nobody'`],
    ['the loss of an audit entry', `delete from audit_log`],
    ['a change of a correction', `update usage_corrections set new_cost_picos = 1`],
    ['the loss of a correction', `delete from usage_corrections`],
    [
      'a second void of an event',
      `insert into usage_corrections select (jsonb_populate_record(c, '{"id": 2}')).* from usage_corrections c`,
    ],
    ['a change of a closed period', `update closed_periods set closing_picos = 1`],
    ['the loss of a closed period', `delete from closed_periods`],
    [
      'two statements with the same number',
      `insert into closed_periods values ('e', '2026-12', 'ST-1', now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`,
    ],
    [
      'a statement that does not add up',
      `insert into closed_periods values ('e', '2026-12', 'ST-2', now(), 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)`,
    ],
    ['a grant with more left than its amount', `update credit_grants set remaining_picos = 11`],
    ['a grant below zero', `update credit_grants set remaining_picos = -1, burnt_picos = 11`],
    ['a grant whose parts do not add up', `update credit_grants set remaining_picos = 9`],
    [
      'an entry that moves nothing or from an account to itself',
      `insert into ledger_entries (entity, kind, debit_account, credit_account, amount_picos, period, booked_at)
       values ('e', 'burn', 'a', 'a', 1, '2026-11', now())`,
    ],
    ['a change of a price', `update prices set effective_from = now()`],
    ['the loss of a rate', `delete from rates`],
  ])('%s', async (_, sql) => {
    await expect(migratedPool.query(sql)).rejects.toThrow(/append only|violates (check|unique) constraint/);
  });
});
