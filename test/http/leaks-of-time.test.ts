import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RUNNING_MAX, WAITING_MAX } from '../../src/http/turns.js';
import { anApp, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';

let app: TestApp;
const keys = { many: '', other: '', gateway: '' };
beforeAll(async () => {
  app = await anApp();
  for (const entity of ['many', 'other'])
    await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'pro' } });
  keys.many = await app.key('finance', 'many');
  keys.other = await app.key('finance', 'other');
  keys.gateway = await app.key('gateway', 'many');
});
afterAll(() => app.close());

/** While `during` runs, no report that reads events ends. */
async function withHangingReports(during: () => Promise<void>): Promise<void> {
  const connection = await app.postgres.pool.connect();
  await connection.query('begin');
  await connection.query('lock table usage_events in access exclusive mode');
  try {
    await during();
  } finally {
    await connection.query('rollback');
    connection.release();
  }
}

async function hangingCount(): Promise<number> {
  const { rows } = await app.postgres.pool.query<{ count: number }>(`
    select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
  return rows[0]!.count;
}

const events = () => app.call('GET /v1/entities/many/events', { key: keys.many });

describe('a customer who asks for more reports than there are connections', () => {
  it('waits for its own, and takes no connection and no place from another', async () => {
    const asked: Promise<{ status: number }>[] = [];
    await withHangingReports(async () => {
      for (let count = 0; count < RUNNING_MAX + WAITING_MAX; count += 1) asked.push(events());
      await until('some of them hang', async () => (await hangingCount()) === RUNNING_MAX);
      const balance = await app.call('GET /v1/entities/other/balance', { key: keys.other });
      expect([balance.status, balance.body.entity]).toEqual([200, 'other']);
      const check = { key: keys.gateway, headers: { 'openai-project': 'many/p' } };
      expect([200, 429]).toContain((await app.call('GET /v1/quota/check', check)).status);
      expect(await hangingCount()).toBe(RUNNING_MAX);
      await until('one more is told to come back', async () => (await events()).status === 429);
    });
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(RUNNING_MAX);
    expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
    expect((await events()).status).toBe(200);
  });

  it('has no more of them by breaking its requests off, and its turns when they have ended', async () => {
    await withHangingReports(async () => {
      const broken = new AbortController();
      const headers = { authorization: `Bearer ${keys.many}` };
      const url = `${app.url}/v1/entities/many/events`;
      const asked = Array.from({ length: RUNNING_MAX + 5 }, () =>
        fetch(url, { headers, signal: broken.signal }).catch(() => null),
      );
      await until('some of them hang', async () => (await hangingCount()) === RUNNING_MAX);
      broken.abort();
      await Promise.all(asked);
      // Behind those that still hang, and those that wait and have gone.
      const next = events();
      const balance = await app.call('GET /v1/entities/other/balance', { key: keys.other });
      expect([balance.status, await hangingCount()]).toEqual([200, RUNNING_MAX]);
      void next;
    });
    await until('it is answered again', async () => (await events()).status === 200);
    expect(await hangingCount()).toBe(0);
  });
});
