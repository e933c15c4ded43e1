/** Reports from a hot standby: they tell how far it lags, and no state of it is an error of theirs. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { Database } from '../../../src/platform/database.js';
import { aFaultProxy, through, type FaultProxy } from '../../support/fault-proxy.js';
import { anInstallation, type Installation } from '../../support/installation.js';
import { aPostgresPair, type PostgresPair } from '../../support/postgres-pair.js';
import { until } from '../../support/until.js';
import { usage } from './usage.js';

let postgres: PostgresPair;
let front: FaultProxy;
let tally: Installation;
beforeAll(async () => {
  postgres = await aPostgresPair();
  front = await aFaultProxy(new URL(postgres.standbyUrl));
  const environment = { REPORTS_DATABASE_URL: through(front, postgres.standbyUrl) };
  tally = await anInstallation({ postgres, environment });
  await tally.start('api');
  await tally.start('worker');
  await tally.call('PUT /v1/admin/entities/read', { body: { plan: 'free' } });
  await tally.call('POST /v1/admin/entities/read/credits', { body: { amount_usd: '1' } });
});
afterAll(async () => {
  await tally.close();
  await front.close();
});

const spend = async (count: number): Promise<void> => {
  await tally.queue.add([usage('read', count)]);
  await tally.queue.drained();
};
/** Requests by the report, and how far it says that it lags. */
async function report(entity = 'read') {
  const { status, body, headers } = await tally.call(`GET /v1/entities/${entity}/activity`);
  const lag = headers.get('x-report-lag-seconds');
  const days = (body.days ?? []) as { requests: number }[];
  return { status, requests: days.reduce((sum, day) => sum + day.requests, 0), lag: Number(lag ?? NaN) };
}
const ready = async () => (await tally.call('GET /readyz')).body;
const metric = async (name: string) => {
  const { text } = await tally.call('GET /metrics');
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
};

it('a report is read from the standby and says so; what must be exact is not', async () => {
  await spend(5);
  await until('the standby has it', async () => (await report()).requests === 5);
  const { status, lag } = await report();
  expect(status).toBe(200);
  expect(lag).toBeGreaterThanOrEqual(0);
  expect(await ready()).toMatchObject({ status: 'ok', checks: { reports_standby: 'ok' } });
  expect(await metric('tally_reports_standby_up')).toBe(1);
  const held = await postgres.askStandby(`select from pg_stat_activity where application_name = 'tally'`);
  expect(held.length).toBeGreaterThan(0);
  const balance = await tally.call('GET /v1/entities/read/balance');
  expect([balance.status, balance.headers.get('x-report-lag-seconds')]).toEqual([200, null]);
});

it('one that lags shows what it has, with how old that may be; balances, purchases and new entities are there at once', async () => {
  await postgres.askStandby('select pg_wal_replay_pause()');
  await spend(7);
  await until('it is seen to lag', async () => (await ready()).report_lag_seconds > 2);
  const lagging = await report();
  expect(lagging).toMatchObject({ status: 200, requests: 5 });
  expect(lagging.lag).toBeGreaterThan(2);
  expect(await metric('tally_reports_lag_seconds')).toBeGreaterThan(2);
  expect((await ready()).status).toBe('ok');
  const balance = await tally.call('GET /v1/entities/read/balance');
  expect(balance.body.credits_usd).toBe('0.998722');
  await tally.call('PUT /v1/admin/entities/newcomer', { body: { plan: 'free' } });
  expect(await report('newcomer')).toEqual({ status: 200, requests: 0, lag: 0 });
  expect((await report('nobody')).status).toBe(404);
  await postgres.askStandby('select pg_wal_replay_resume()');
  await until('it has caught up', async () => (await report()).requests === 12);
});

it('a query that replay cancels is run again', async () => {
  const database = new Database({
    url: postgres.url,
    standby: { url: postgres.standbyUrl, onChange: () => {} },
  });
  // What the first attempt waits for.
  const holder = new pg.Client(postgres.standbyUrl);
  await holder.connect();
  try {
    await holder.query('select pg_advisory_lock(1)');
    await until('the standby answers', () => database.standby!.state.isUp);
    let attempts = 0;
    const read = database.lagging.read(async (tx) => {
      attempts += 1;
      await tx.$queryRaw`select count(*) from projects`;
      if (attempts === 1) await tx.$queryRaw`select pg_advisory_xact_lock_shared(1)::text`;
      return attempts;
    });
    await until('the query waits', async () => {
      const waiting = `select from pg_locks where locktype = 'advisory' and not granted`;
      return (await postgres.askStandby(waiting)).length === 1;
    });
    await postgres.askPrimary('begin; lock table projects in access exclusive mode; commit');
    expect(await read).toBe(2);
  } finally {
    await holder.end();
    await database.close();
  }
});

it('while it is unavailable reports come from the primary, exact, and one line says so', async () => {
  await front.cut();
  await until('it is seen', async () => (await ready()).checks.reports_standby === 'away');
  const during = await tally.call('GET /readyz');
  expect([during.status, during.body.status, during.body.report_lag_seconds]).toEqual([
    200,
    'degraded',
    null,
  ]);
  await spend(1);
  expect(await report()).toEqual({ status: 200, requests: 13, lag: 0 });
  expect(await metric('tally_reports_standby_up')).toBe(0);
  await front.mend();
  await until('it is back', async () => (await ready()).status === 'ok');
  const lines = tally.machines[0]!.service.log().split('\n');
  expect(lines.filter((line) => line.includes('the standby of REPORTS_DATABASE_URL'))).toEqual([
    expect.stringContaining('is unavailable: reports are read from the primary'),
    expect.stringContaining('answers again'),
  ]);
});
