import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { asService, mayServe } from '../../src/platform/service-role.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

const APPEND_ONLY = [
  'audit_log',
  'closed_periods',
  'ledger_entries',
  'prices',
  'rates',
  'spend_alert_firings',
  'usage_corrections',
  'usage_origins',
  'usage_series',
];
/** What is said of an event when it is charged late. */
const CHARGED_LATE = [
  'burns',
  'burnt_picos',
  'charged_at',
  'cost_picos',
  'details',
  'rate_id',
  'unpriced_meters',
];

let database: TestDatabase;
let service: pg.Pool;
beforeAll(async () => {
  database = await aDatabase();
  service = new pg.Pool({ connectionString: database.serviceUrl, max: 1 });
});
afterAll(async () => {
  await service.end();
  await database.drop();
});

const refusal = async (sql: string): Promise<string | undefined> =>
  service.query(sql).then(
    () => 'nothing',
    (error: { code?: string }) => error.code,
  );
const NO_RIGHT = '42501';

describe('the service', () => {
  it.each([...APPEND_ONLY, 'usage_events'])(
    'may read and add to %s, and take nothing away',
    async (table) => {
      const { rows } = await service.query(
        `select
         has_table_privilege($1, 'select') as reads, has_table_privilege($1, 'insert') as adds,
         has_table_privilege($1, 'update') as changes, has_table_privilege($1, 'delete') as deletes`,
        [table],
      );
      expect(rows).toEqual([{ reads: true, adds: true, changes: false, deletes: false }]);
      const { rows: columns } = await database.pool.query(
        `select column_name from information_schema.columns where table_name = $1 and table_schema = 'public' limit 1`,
        [table],
      );
      const column = columns[0].column_name;
      expect(await refusal(`update ${table} set ${column} = ${column}`)).toBe(NO_RIGHT);
      expect(await refusal(`delete from ${table}`)).toBe(NO_RIGHT);
      expect(await refusal(`truncate ${table} cascade`)).toBe(NO_RIGHT);
    },
  );

  it('changes of an event no more than what is charged late', async () => {
    const { rows } = await service.query(
      `select attname from pg_attribute
       where attrelid = 'usage_events'::regclass and attnum > 0 and has_column_privilege(attrelid, attnum, 'update')
       order by attname`,
    );
    expect(rows.map(({ attname }) => attname)).toEqual(CHARGED_LATE);
  });

  it('may empty no table, and own, change or disable none', async () => {
    const { rows } = await service.query(
      `select relname from pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
         and (has_table_privilege(oid, 'truncate') or has_table_privilege(oid, 'trigger') or pg_has_role(relowner, 'usage'))`,
    );
    expect(rows).toEqual([]);
    expect(await refusal('alter table ledger_entries disable trigger all')).toBe(NO_RIGHT);
    expect(await refusal('create table another (id integer)')).toBe(NO_RIGHT);
  });

  it('reads every table and view, so that none is forgotten when one is added', async () => {
    const { rows } = await service.query(
      `select relname from pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and not relispartition
         and not has_table_privilege(oid, 'select')`,
    );
    expect(rows).toEqual([]);
  });

  it('is refused to a user who is no member of its role', async () => {
    const name = `stranger_${process.pid}`;
    await database.pool.query(`create role ${name} login password 'p'`);
    const address = Object.assign(new URL(database.url), { username: name, password: 'p' });
    expect(await mayServe(address.href)).toBe(false);
    await database.pool.query(`grant tally_service to ${name}`);
    expect(await mayServe(address.href)).toBe(true);
    const client = new pg.Client({ connectionString: asService(address.href) });
    await client.connect();
    expect((await client.query('select current_user')).rows).toEqual([{ current_user: 'tally_service' }]);
    await client.end();
    await database.pool.query(`drop role ${name}`);
  });
});
