import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { aDatabase, type TestDatabase } from '../support/database.js';

const UPDATE_COUNT = 100;

let database: TestDatabase;
let client: PoolClient;
beforeAll(async () => {
  database = await aDatabase();
  client = await database.pool.connect();
  await client.query(`
    insert into plans (name, overage) values ('p', 'allowed');
    insert into entities (name, plan, created_at) select 'e' || n, 'p', now() from generate_series(1, 50) n;
    insert into credit_grants (
      entity, id, lot, category, priority, amount_picos, remaining_picos, effective_at, created_at
    ) select 'e' || n, 'g', 1, 'paid', 50, 1000, 1000, now(), now() from generate_series(1, 50) n;
    insert into entity_spend select 'e' || n, '2026-11', 0, 0, 0 from generate_series(1, 50) n;
    insert into project_spend select 'e' || n, '2026-11', 'p', 0 from generate_series(1, 50) n;
    insert into burns (entity, booked_hour, period, grant_id, amount_picos)
      select 'e' || n, now(), '2026-11', 'g', 1 from generate_series(1, 50) n;
    insert into usage_days (entity, day) select 'e' || n, now() from generate_series(1, 50) n`);
});
afterAll(async () => {
  client.release();
  await database.drop();
});

describe('what every batch updates makes no new entries in the indexes of', () => {
  it.each([
    [
      'credit_grants',
      `update credit_grants set remaining_picos = remaining_picos - 1, burnt_picos = burnt_picos + 1`,
    ],
    ['entities', `update entities set version = version + 1`],
    ['entity_spend', `update entity_spend set cost_picos = cost_picos + 1, burnt_picos = burnt_picos + 1`],
    ['project_spend', `update project_spend set cost_picos = cost_picos + 1`],
    ['burns', `update burns set amount_picos = amount_picos + 1`],
    ['usage_days', `update usage_days set build = gen_random_uuid()`],
  ])('%s', async (table, update) => {
    for (let n = 0; n < UPDATE_COUNT; n += 1) await client.query(update);
    await client.query('select pg_stat_force_next_flush()');
    const { rows } = await client.query(
      `select n_tup_upd::int as updated, n_tup_hot_upd::int as hot from pg_stat_user_tables where relname = $1`,
      [table],
    );
    const [{ updated, hot }] = rows;
    expect(updated).toBe(50 * UPDATE_COUNT);
    // The others went to another page, because theirs was full. An index on a column that changes leaves none.
    expect(hot / updated).toBeGreaterThan(0.5);
  });
});
