/** A failover by Sentinels while Tally works: the master dies or stands still, and its replica takes over. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestApp } from '../../support/app.js';
import { aSentinelSetup, type SentinelSetup } from '../../support/redis-kinds.js';
import { aLoad, LOAD_EVENT_PICOS } from '../../support/redis-load.js';
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

describe.each(['dies', 'stands still'])('where the master %s', (how) => {
  it('decisions go on, every accepted event is counted once, and no limit is passed by more than is documented', async () => {
    const overHttp = (name: string) => CUSTOMERS.slice(4).map((entity) => anEventOf(app, entity, name));
    const post = async (name: string) =>
      (await app.call('POST /v1/usage/events', { body: overHttp(name) })).status;
    const working = await aLoad(app, setup.url, CUSTOMERS.slice(0, 4));
    await working.goesOn('all goes well');
    expect(await post('before')).toBe(202);
    const master = await setup.master();
    // What the replica has not heard is lost with the master; this it has.
    expect(await master.redis.wait(1, 0)).toBe(1);
    if (how === 'dies') await master.kill();
    else master.freeze();
    await working.goesOn('decisions go on without a master');
    await until('the Sentinels have another master', async () => (await setup.master()) !== master);
    await until(
      'Tally has found it by itself',
      async () => (await app.call('GET /readyz')).body.status === 'ok',
    );
    await working.goesOn('all goes well again');
    await until('the limit is reached', () => working.isLimited());
    expect(await post('after')).toBe(202);
    const { reported, statuses } = await working.stop();
    expect([...statuses.keys()].filter((status) => status !== 201 && status !== 429)).toEqual([]);
    await untilCounted(app, reported + 2 * overHttp('').length, COUNTED_SECONDS_MAX);
    expect((await countedIn(app)).costPicos).toBe(
      LOAD_EVENT_PICOS * BigInt(reported + 2 * overHttp('').length),
    );
    // Holds that the replica had not heard, and holds of this process while there was no Redis: once the limit at most.
    const spent = (await countedIn(app, CAPPED)).costPicos;
    expect(spent <= 2n * CAP_PICOS).toBe(true);
    expect((await reserve(app, CAPPED, 'at last')).status).toBe(429);
    expect(await differencesOf(app)).toEqual([]);
  });
});
