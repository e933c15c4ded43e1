/** Postgres' clock decides, whatever the machine's and Redis' say. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock } from '../../src/platform/clock.js';
import { ClockOffset } from '../../src/platform/clock-offset.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';

describe('the offset of Postgres', () => {
  it('is taken at the middle of the round trip, and the shortest one is kept', () => {
    const offset = new ClockOffset(0);
    offset.learn({ sentMs: 1_000, serverMs: 61_050, receivedMs: 1_100 });
    expect(offset.valueMs).toBe(60_000);
    offset.learn({ sentMs: 2_000, serverMs: 62_009, receivedMs: 2_400 });
    expect(offset.valueMs).toBe(60_000);
    offset.learn({ sentMs: 3_000, serverMs: 63_003, receivedMs: 3_010 });
    expect(offset.valueMs).toBe(59_998);
  });

  it('follows a clock that was set, and gives way to a new measurement when it has drifted', () => {
    const offset = new ClockOffset(0);
    offset.learn({ sentMs: 0, serverMs: 1_000, receivedMs: 2 });
    offset.learn({ sentMs: 10_000, serverMs: 311_050, receivedMs: 10_100 });
    expect(offset.valueMs).toBe(301_000);
    offset.learn({ sentMs: 2_000_000, serverMs: 2_301_100, receivedMs: 2_000_200 });
    expect(offset.valueMs).toBe(301_000);
  });
});

describe('the clock', () => {
  it('stands still for a small correction and follows a clock that was set back', async () => {
    const clock = new Clock();
    const answering = (aheadMs: number) => ({ nowMs: async () => Date.now() + aheadMs });
    const aheadMs = () => clock.now().getTime() - Date.now();
    await clock.synchronize(answering(300_000));
    const before = clock.now().getTime();
    expect(Math.abs(aheadMs() - 300_000)).toBeLessThan(1_000);
    await clock.synchronize(answering(299_900));
    expect(clock.now().getTime()).toBeGreaterThanOrEqual(before);
    await clock.synchronize(answering(-300_000));
    expect(Math.abs(aheadMs() + 300_000)).toBeLessThan(1_000);
    await expect(clock.synchronize({ nowMs: () => Promise.reject(new Error('away')) })).rejects.toThrow(
      'away',
    );
    expect(Math.abs(aheadMs() + 300_000)).toBeLessThan(1_000);
  });
});

describe.each([5, -6])('a Postgres whose clock is %d minutes ahead of all others', (minutesAhead) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ role: 'all', clock: new Clock(), postgres: { minutesAhead } });
  });
  afterAll(() => app.close());

  const reserve = (entity: string) =>
    app.call('POST /v1/quota/reservations', {
      body: { project: `${entity}/p`, model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 },
    });

  it('counts a purchase for the next decision', async () => {
    for (let number = 0; number < 20; number += 1) {
      const entity = `entity${number}`;
      expect((await reserve(entity)).status).toBe(429);
      await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
      const bought = await app.call(`POST /v1/admin/entities/${entity}/credits`, {
        body: { amount_usd: '1' },
      });
      expect(bought.status).toBe(201);
      expect((await reserve(entity)).status).toBe(201);
      const { body } = await app.call(`GET /v1/entities/${entity}/balance`);
      expect(body.credits_usd).toBe('1');
    }
  });

  it('counts every event that was accepted, and refuses by its time only what is too far from Postgres’', async () => {
    const now = app.clock.now().getTime();
    expect(Math.abs(now - Date.now() - minutesAhead * 60_000)).toBeLessThan(5_000);
    const at = (ms: number) => anEventBody({ subject: 'timely/p', time: new Date(now + ms).toISOString() });
    const bodies = [at(0), at(280_000), at(-1_000)];
    const { status, body } = await app.call('POST /v1/usage/events', { body: bodies });
    expect([status, body]).toEqual([202, { object: 'usage.receipt', accepted: 3, rejected: [] }]);
    const refused = await app.call('POST /v1/usage/events', { body: [at(330_000)] });
    expect(refused.body.rejected).toMatchObject([{ code: 'time_out_of_range' }]);
    await until('all are counted', async () => {
      const { rows } = await app.postgres.pool.query(`select from usage_events where entity = 'timely'`);
      return rows.length === 3;
    });
    const { rows } = await app.postgres.pool.query(`select code from dead_letters where entity = 'timely'`);
    expect(rows).toEqual([{ code: 'time_out_of_range' }]);
  });

  it('has the difference of the other clocks in the metrics', async () => {
    const { text } = await app.call('GET /metrics');
    for (const clock of ['redis', 'process']) {
      const seconds = new RegExp(`tally_clock_difference_seconds\\{clock="${clock}"\\} (\\S+)`).exec(
        text,
      )?.[1];
      expect(Math.round(Number(seconds))).toBe(-minutesAhead * 60);
    }
    expect(text).toMatch(/tally_database_connections\{purpose="money",state="in_use"\} \d/);
  });
});
