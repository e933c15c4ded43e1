/** A gateway that decides on leases, with the real service. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { listenForLeaseRecalls } from '../../packages/client/src/leases/lease-recalls.js';
import { LeasedQuota, type LeasedQuotaOptions } from '../../packages/client/src/leases/leased-quota.js';
import { TallyClient } from '../../packages/client/src/tally-client.js';
import { Clock } from '../../src/platform/clock.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';

let app: TestApp;
let tally: TallyClient;
let entity: string;
let entityCount = 0;
let opened: LeasedQuota[];
let apiKey: string;

beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock() });
  apiKey = await app.key('gateway');
  tally = new TallyClient({ baseUrl: app.url, apiKey });
});
afterAll(() => app.close());
beforeEach(() => {
  entityCount += 1;
  entity = `entity${entityCount}`;
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((quota) => quota.close()));
});

const open = (options: Partial<LeasedQuotaOptions> = {}) => {
  const quota = new LeasedQuota({ tally, tickMs: 10, ...options });
  opened.push(quota);
  return quota;
};
/** A connection to Tally that can be cut: to Tally, the gateway is then dead. */
function aCuttable(): { tally: TallyClient; cut(): void } {
  let isCut = false;
  const send: typeof fetch = async (input, init) => {
    if (isCut) throw new Error('cut');
    return fetch(input, init);
  };
  return { tally: new TallyClient({ baseUrl: app.url, apiKey, fetch: send }), cut: () => (isCut = true) };
}
/** A connection to Tally that counts the answers about leases. */
function aCounting(): { tally: TallyClient; leaseCount: () => number } {
  let count = 0;
  const send: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    if (answer.url.endsWith('/v1/quota/leases')) count += 1;
    return answer;
  };
  return { tally: new TallyClient({ baseUrl: app.url, apiKey, fetch: send }), leaseCount: () => count };
}
const aRequest = () => ({ project: `${entity}/p`, model: LLAMA, inputTokens: 1_000, maxOutputTokens: 0 });
const limit = async (limits: object) => {
  const { status } = await app.limit(entity, limits);
  expect(status).toBe(200);
};
const buy = async (amount_usd: string): Promise<string> => {
  await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  return (await app.call(`POST /v1/admin/entities/${entity}/credits`, { body: { amount_usd } })).body.id;
};
const balance = async () => (await app.call(`GET /v1/entities/${entity}/balance`)).body;
const held = async () => (await balance()).held_usd;

function admitsLocally(quota: LeasedQuota): boolean {
  const id = quota.reserveLocally(aRequest());
  if (id !== null) void quota.release(id);
  return id !== null;
}

/** Reserves until the gateway decides locally, and returns the ids of all reservations. */
async function warm(quota: LeasedQuota): Promise<string[]> {
  const ids: string[] = [];
  await until('a local decision', async () => {
    const admission = await quota.reserve(aRequest());
    if (!admission.admitted) throw new Error(admission.denial.body);
    ids.push(admission.reservation.id);
    return admission.isLocal;
  });
  return ids;
}

describe('a gateway with a lease', () => {
  it('decides locally from the first requests on, and in the end all is charged and nothing held', async () => {
    await buy('10');
    const quota = open();
    const ids = await warm(quota);
    expect(ids.length).toBeLessThan(20);
    for (let n = 0; n < 20; n += 1) ids.push(quota.reserveLocally(aRequest())!);
    expect(ids).not.toContain(null);
    expect(new Set(ids).size).toBe(ids.length);
    const [first = '', second = '', ...others] = ids;
    await quota.release(first);
    const usage = { prompt_tokens: 1_000, completion_tokens: 0, total_tokens: 1_000 };
    for (const [n, id] of [second, ...others].entries()) {
      const ids = { id: `${entity}-${n}`, subject: `${entity}/p`, time: new Date().toISOString() };
      await app.call('POST /v1/usage/events', { body: anEventBody(ids, { usage, reservation_id: id }) });
      quota.finish(id);
    }
    await quota.close();
    await until('all is charged, nothing held', async () => {
      const { held_usd, credits_usd } = await balance();
      const left = 10 - 0.00071 * (ids.length - 1);
      return held_usd === '0' && Math.abs(Number(credits_usd) - left) < 1e-9;
    });
  });

  it('gets a larger slice where bursts exceed it, even if each burst gives everything back', async () => {
    await buy('10');
    const quota = open();
    await warm(quota);
    await until('a whole burst is admitted locally', async () => {
      const ids = Array.from({ length: 200 }, () => quota.reserveLocally(aRequest()));
      const admitted = ids.filter((id) => id !== null);
      await Promise.all(admitted.map((id) => quota.release(id)));
      return admitted.length === ids.length;
    });
  });

  it('gives back a slice that nothing uses, and ends the lease', async () => {
    await buy('10');
    const quota = open({ idleMs: 200 });
    const ids = await warm(quota);
    expect(Number(await held())).toBeGreaterThan(0.005);
    await Promise.all(ids.map((id) => quota.release(id)));
    await until('nothing is held', async () => (await held()) === '0');
    await until('the lease has ended', () => quota.projectCount === 0);
  });

  it('that dies leaves its slice held for as long as one of its requests may run, and no longer', async () => {
    await buy('10');
    const way = aCuttable();
    const dying = open({ tally: way.tally, ttlSeconds: 2, requestSeconds: 6 });
    const ids = await warm(dying);
    await Promise.all(ids.slice(0, -1).map((id) => dying.release(id)));
    way.cut();
    expect(Number(await held())).toBeGreaterThan(0.0007);
    await until('nothing is held', async () => (await held()) === '0', 60);
  });

  it('asks Tally where it may not decide, and only Tally denies', async () => {
    await limit({ monthly_cap_usd: '1', overage: 'allowed' });
    const quota = open();
    await warm(quota);
    const { inputTokens: _, ...large } = aRequest();
    expect(quota.reserveLocally({ ...aRequest(), model: 'unknown-model' })).toBeNull();
    expect(quota.reserveLocally({ ...large, inputTokens: 2_000_000 })).toBeNull();
    expect(quota.reserveLocally({ ...aRequest(), serviceTier: 'priority' })).toBeNull();
    expect(quota.reserveLocally({ ...aRequest(), serviceTier: 'default', region: 'eu' })).not.toBeNull();
    const denied = await quota.reserve({ ...large, inputTokens: 2_000_000 });
    expect(denied).toMatchObject({ admitted: false, denial: { status: 429 } });
    const batch = await quota.reserve({ ...aRequest(), serviceTier: 'batches', region: 'eu' });
    expect(batch).toMatchObject({ isLocal: false, reservation: { service_tier: 'batch', region: 'eu' } });
    for (let times = 0; times < 3; times += 1) {
      const unpriced = await quota.reserve({ ...aRequest(), model: 'unknown-model' });
      expect(unpriced).toMatchObject({ admitted: false, denial: { status: 404 } });
    }
  });

  it('renews its lease whatever models callers name', async () => {
    await buy('1');
    const failures: unknown[] = [];
    const quota = open({ onFailure: (error) => failures.push(error) });
    for (const model of ['', 'a\nb', '\ud800', 'x'.repeat(257)])
      expect(quota.reserveLocally({ ...aRequest(), model })).toBeNull();
    await warm(quota);
    expect(failures).toEqual([]);
  });

  it('never counts as a request where requests in flight are limited, with a slice or without', async () => {
    await buy('1');
    await limit({ max_concurrent_requests: 1 });
    const { tally: counting, leaseCount } = aCounting();
    const quota = open({ tally: counting });
    const runOne = async (on = quota) => {
      const admission = await on.reserve(aRequest());
      if (admission.admitted) await on.release(admission.reservation.id);
      return admission.admitted && (admission.isLocal ? 'by itself' : 'by Tally');
    };
    await until('a lease was asked for', async () => (await runOne()) === 'by Tally' && leaseCount() > 0);
    expect(await runOne()).toBe('by Tally');
    await limit({ max_concurrent_requests: null });
    const other = open({ ttlSeconds: 1 });
    await until('another decides by itself', async () => (await runOne(other)) === 'by itself');
    await limit({ max_concurrent_requests: 1 });
    await until('its place is free', async () => (await runOne(other)) === 'by Tally', 5);
  });

  it('never causes the denial of its own request', async () => {
    await limit({ monthly_cap_usd: '1', overage: 'allowed' });
    const quota = open();
    const ids = await warm(quota);
    await Promise.all(ids.map((id) => quota.release(id)));
    const all = await quota.reserve({ ...aRequest(), inputTokens: 1_408_450 });
    expect(all).toMatchObject({ admitted: true, isLocal: false });
    expect(await held()).toBe('0.9999995');
  });
});

describe('what is lowered', () => {
  const admitted = async (quota: LeasedQuota) => (await quota.reserve(aRequest())).admitted;

  it('stops local decisions as soon as the recall arrives, long before the lifetime is over', async () => {
    const grant = await buy('10');
    const ttlSeconds = 60;
    const quota = open({ ttlSeconds });
    const news = listenForLeaseRecalls(quota, { redisUrl: app.redis.url, onFailure: () => {} });
    await warm(quota);
    const redis = connectRedis(app.redis.url, 'impatient');
    await untilReady(redis);
    await until('the gateway listens', async () => (await redis.publish('tally:leases', 'nobody')) === 1);
    redis.disconnect();
    const path = `POST /v1/admin/entities/${entity}/credits/${grant}/void`;
    expect((await app.call(path, { body: { reason: 'test' } })).status).toBe(200);
    await until('nothing is admitted locally', () => !admitsLocally(quota), ttlSeconds / 2);
    expect(await admitted(quota)).toBe(false);
    news.close();
  });

  it('stops them after the lifetime at the latest where no recall arrives and Tally cannot be reached', async () => {
    const grant = await buy('10');
    const way = aCuttable();
    const ttlSeconds = 60;
    let passedMs = 0;
    const now = () => ({ monotonicMs: performance.now() + passedMs, wallMs: Date.now() + passedMs });
    const quota = open({ tally: way.tally, ttlSeconds, now });
    await warm(quota);
    way.cut();
    await app.call(`POST /v1/admin/entities/${entity}/credits/${grant}/void`, { body: { reason: 'test' } });
    expect(quota.reserveLocally(aRequest())).not.toBeNull();
    passedMs = ttlSeconds * 1_000;
    expect(admitsLocally(quota)).toBe(false);
    expect(await quota.reserve(aRequest())).toMatchObject({ admitted: false, denial: { status: 503 } });
  });

  it('is known with the next renewal where no recall arrives', async () => {
    const grant = await buy('10');
    const quota = open({ ttlSeconds: 1 });
    await warm(quota);
    await app.call(`POST /v1/admin/entities/${entity}/credits/${grant}/void`, { body: { reason: 'test' } });
    await until('nothing is admitted', async () => !(await admitted(quota)));
  });
});

describe('a request id, with a gateway that decides on leases', () => {
  it('is one request while that runs, and used for other content and afterwards', async () => {
    await limit({ monthly_cap_usd: '100', overage: 'allowed' });
    const quota = open({ requestSeconds: 60 });
    await warm(quota);
    const named = (requestId: string) => ({ ...aRequest(), requestId });
    const first = await quota.reserve(named('r1'));
    expect(first).toMatchObject({ admitted: true, isLocal: true });
    expect(await quota.reserve(named('r1'))).toEqual(first);
    const others = [
      { inputTokens: 1 },
      { maxOutputTokens: 1 },
      { model: 'another' },
      { model: [LLAMA, 'another'] },
      { serviceTier: 'batch' },
      { region: 'eu' },
    ];
    for (const other of others) {
      const again = quota.reserve({ ...named('r1'), ...other });
      await expect(again).rejects.toMatchObject({ status: 409 });
    }
    const ends = [(id: string) => quota.release(id), async (id: string) => quota.finish(id)];
    for (const [index, end] of ends.entries()) {
      const admission = await quota.reserve(named(`ended${index}`));
      if (!admission.admitted) throw new Error(admission.denial.body);
      await end(admission.reservation.id);
      await expect(quota.reserve(named(`ended${index}`))).rejects.toMatchObject({ status: 409 });
    }
  });

  it('that Tally admitted stays with Tally, and a list of models and bytes are reserved there', async () => {
    await limit({ monthly_cap_usd: '100', overage: 'allowed' });
    const quota = open();
    const first = await quota.reserve({ ...aRequest(), requestId: 'central' });
    await warm(quota);
    const repeated = await quota.reserve({ ...aRequest(), requestId: 'central' });
    expect(repeated).toMatchObject({
      isLocal: false,
      reservation: { id: first.admitted && first.reservation.id },
    });
    const { model, ...rest } = aRequest();
    expect(await quota.reserve({ ...rest, model: [model, 'cw_Qwen_QwQ-32B'] })).toMatchObject({
      isLocal: false,
    });
    await tally.releaseRequest(`${entity}/p`, 'central');
    const again = quota.reserve({ ...aRequest(), requestId: 'central' });
    await expect(again).rejects.toMatchObject({ status: 409 });
  });
});
