/** A failover by Sentinels while Tally works: the master dies or stands still, and its replica takes over. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { usageEvent } from '../../../packages/client/src/protocol/usage-event.js';
import { queueReporter } from '../../../packages/client/src/queue-reporter.js';
import type { TestApp } from '../../support/app.js';
import { LLAMA } from '../../support/builders.js';
import { aSentinelSetup, type SentinelSetup } from '../../support/redis-kinds.js';
import {
  anAppOn,
  anEventOf,
  countedIn,
  CUSTOMERS,
  differencesOf,
  reserve,
  untilCounted,
} from '../../support/redis-worlds.js';
import { until } from '../../support/until.js';

const CAPPED = CUSTOMERS[3]!;
const CAP_USD = '0.002';
/** Of 150 tokens at $0.71 a million. */
const EVENT_PICOS = 106_500_000n;
const CAP_PICOS = 2_000_000_000n;
/** A job that a worker had when the master died waits for its lock, and for the next look for such jobs. */
const COUNTED_SECONDS_MAX = 240;

let setup: SentinelSetup;
let app: TestApp;
beforeEach(async () => {
  setup = await aSentinelSetup();
  app = await anAppOn({ REDIS_URL: setup.url });
  await app.limit(CAPPED, { monthly_cap_usd: CAP_USD });
});
afterEach(async () => {
  await app.close();
  await setup.stop();
});

/** Customers who ask and report over the queue until they are stopped. */
async function load() {
  const reporter = await queueReporter({ redisUrl: setup.url });
  const state = { isOn: true, asked: 0, statuses: new Map<number, number>(), reports: [] as Promise<void>[] };
  const run = async (customer: string): Promise<void> => {
    while (state.isOn) {
      const id = `load-${(state.asked += 1)}`;
      const { status, body } = await reserve(app, customer, id);
      state.statuses.set(status, (state.statuses.get(status) ?? 0) + 1);
      if (status !== 201) continue;
      const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
      const facts = { id, source: '/gateways/load', project: `${customer}/project1`, time: app.clock.now() };
      state.reports.push(
        reporter.report(
          usageEvent({ ...facts, model: LLAMA, operation: 'chat', usage, reservationId: body.id }),
        ),
      );
    }
  };
  const runs = CUSTOMERS.slice(0, 4).map(run);
  return {
    asked: () => state.asked,
    isLimited: () => state.statuses.has(429),
    /** Returns how many were reported, and how often each status was answered. */
    async stop() {
      state.isOn = false;
      await Promise.all(runs);
      await Promise.all(state.reports);
      await reporter.close();
      return { reported: state.reports.length, statuses: state.statuses };
    },
  };
}

describe.each(['dies', 'stands still'])('where the master %s', (how) => {
  it('decisions go on, every accepted event is counted once, and no limit is passed by more than is documented', async () => {
    const overHttp = (name: string) => CUSTOMERS.slice(4).map((entity) => anEventOf(app, entity, name));
    const post = async (name: string) =>
      (await app.call('POST /v1/usage/events', { body: overHttp(name) })).status;
    const working = await load();
    const goesOn = (what: string) => {
      const before = working.asked();
      return until(what, () => working.asked() > before + 40);
    };
    await goesOn('all goes well');
    expect(await post('before')).toBe(202);
    const master = await setup.master();
    // What the replica has not heard is lost with the master; this it has.
    expect(await master.redis.wait(1, 0)).toBe(1);
    if (how === 'dies') await master.kill();
    else master.freeze();
    await goesOn('decisions go on without a master');
    await until('the Sentinels have another master', async () => (await setup.master()) !== master);
    await until(
      'Tally has found it by itself',
      async () => (await app.call('GET /readyz')).body.status === 'ok',
    );
    await goesOn('all goes well again');
    await until('the limit is reached', () => working.isLimited());
    expect(await post('after')).toBe(202);
    const { reported, statuses } = await working.stop();
    expect([...statuses.keys()].filter((status) => status !== 201 && status !== 429)).toEqual([]);
    await untilCounted(app, reported + 2 * overHttp('').length, COUNTED_SECONDS_MAX);
    expect((await countedIn(app)).costPicos).toBe(EVENT_PICOS * BigInt(reported + 2 * overHttp('').length));
    // Holds that the replica had not heard, and holds of this process while there was no Redis: once the limit at most.
    const spent = (await countedIn(app, CAPPED)).costPicos;
    expect(spent <= 2n * CAP_PICOS).toBe(true);
    expect((await reserve(app, CAPPED, 'at last')).status).toBe(429);
    expect(await differencesOf(app)).toEqual([]);
  });
});
