import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { counted, countedOf } from '../../support/counted.js';
import { COMMIT, COUNTING } from '../../support/fault-proxy.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { until } from '../../support/until.js';
import { EVENT_PICOS, inJobsOf, usage } from './usage.js';

let tally: Installation;
let api: Machine;
let worker: Machine;
beforeAll(async () => {
  tally = await anInstallation();
  api = await tally.start('api');
  worker = await tally.start('worker');
});
afterAll(() => tally.close());
afterEach(async () => {
  await tally.mend();
  await api.revive();
  await tally.queue.drained();
  expect(await tally.differences()).toEqual([]);
});

const answersAgain = () =>
  until('the API answers again', async () => {
    const answer = await tally.call('GET /readyz').catch(() => null);
    return answer?.status === 200;
  });

describe('a connection to Postgres that is cut in the middle of a commit', () => {
  it('which Postgres never heard of: the batch is written again, once', async () => {
    const cut = worker.wires.postgres.breakAt({ text: COMMIT, after: COUNTING, when: 'sent' });
    await tally.queue.add([usage('unheard', 30)]);
    await cut;
    await tally.queue.drained();
    expect(await countedOf(tally, 'unheard')).toEqual(counted(30, 30n * EVENT_PICOS));
  });

  it('which Postgres has made: the repetition counts nothing', async () => {
    const cut = worker.wires.postgres.breakAt({ text: COMMIT, after: COUNTING, when: 'answered' });
    await tally.queue.add([usage('unanswered', 30)]);
    await cut;
    await tally.queue.drained();
    expect(await countedOf(tally, 'unanswered')).toEqual(counted(30, 30n * EVENT_PICOS));
  });

  it.each([
    ['made', 'answered', '7'],
    ['not made', 'sent', '7'],
  ] as const)('of a purchase that was %s: the same Idempotency-Key buys once', async (word, when, amount) => {
    const entity = `buyer-${word.replace(' ', '-')}`;
    const buy = () =>
      tally.call(`POST /v1/admin/entities/${entity}/credits`, {
        body: { amount_usd: amount },
        headers: { 'idempotency-key': `purchase of ${entity}` },
      });
    await tally.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
    const cut = api.wires.postgres.breakAt({ text: COMMIT, when });
    const first = await buy();
    await cut;
    expect(first.status).toBeGreaterThanOrEqual(500);
    const second = await buy();
    expect([second.status, second.body.remaining_usd]).toEqual([201, amount]);
    const { body } = await tally.call(`GET /v1/admin/entities/${entity}/credits`);
    expect(body.data).toHaveLength(1);
    const { body: ledger } = await tally.call(`GET /v1/admin/entities/${entity}/ledger`);
    expect(ledger.data).toHaveLength(1);
  });
});

describe('an API that is killed', () => {
  it('after it has committed a purchase and before it answers: the same Idempotency-Key buys once', async () => {
    const order = {
      body: { amount_usd: '5' },
      headers: { 'idempotency-key': 'bought from the dead' },
    };
    await tally.call('PUT /v1/admin/entities/orphan', { body: { plan: 'free' } });
    const killed = api.wires.postgres.breakAt({
      text: COMMIT,
      when: 'answered',
      doing: () => api.service.kill(),
    });
    const call = 'POST /v1/admin/entities/orphan/credits';
    await expect(tally.call(call, order)).rejects.toThrow('fetch failed');
    await killed;
    await api.revive();
    const again = await tally.call(call, order);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    const { body } = await tally.call('GET /v1/entities/orphan/balance');
    expect(body.credits_usd).toBe('5');
    const check = await tally.call('GET /v1/quota/check', { headers: { 'openai-project': 'orphan/p' } });
    expect([check.status, check.body.remaining.credits_usd]).toEqual([200, '5']);
  });
});

describe('wires to Postgres and Redis that break under load', () => {
  it('cost time and no event: all are counted once', async () => {
    const events = usage('shaken', 4_000);
    const jobs = inJobsOf(20, events);
    const breaks = [
      () => worker.wires.postgres.reset(),
      () => worker.wires.redis.reset(),
      () => worker.wires.postgres.slowDown(20),
      () => worker.wires.redis.slowDown(5),
      () => void worker.wires.postgres.cut(),
      () => void worker.wires.redis.cut(),
    ];
    // So that a fast machine is still at work when it is looked at.
    worker.wires.postgres.slowDown(10);
    for (const [index, breakOne] of breaks.entries()) {
      await tally.queue.add(jobs.filter((_, job) => job % breaks.length === index));
      await until('the worker is at work', async () => (await tally.queue.queue.getActiveCount()) > 0);
      breakOne();
    }
    await tally.queue.add(jobs);
    await worker.wires.postgres.mend();
    await worker.wires.redis.mend();
    await tally.queue.stall();
    await tally.queue.drained();
    expect(await countedOf(tally, 'shaken')).toEqual(counted(4_000, 4_000n * EVENT_PICOS));
  });
});

describe('a Redis that restarts', () => {
  it('after a crash has every job in its append-only file: nothing is lost and nothing counted twice', async () => {
    await worker.service.stop();
    await tally.queue.add(inJobsOf(50, usage('aof', 500)));
    await tally.redis.kill();
    await tally.redis.restart();
    await worker.revive();
    await tally.queue.drained();
    expect(await countedOf(tally, 'aof')).toEqual(counted(500, 500n * EVENT_PICOS));
    await answersAgain();
  });

  it('in the middle of the work: workers and API come back by themselves', async () => {
    worker.wires.postgres.slowDown(10);
    await tally.queue.add(inJobsOf(20, usage('mid', 2_000)));
    await until('the worker is at work', async () => (await tally.queue.queue.getActiveCount()) > 0);
    await tally.redis.kill();
    await tally.redis.restart();
    await tally.queue.stall();
    await tally.queue.drained();
    expect(await countedOf(tally, 'mid')).toEqual(counted(2_000, 2_000n * EVENT_PICOS));
    await answersAgain();
  });

  it('empty: the producer sends again, the upkeep goes on, and decisions are as before', async () => {
    await tally.call('PUT /v1/admin/entities/emptied', { body: { plan: 'free' } });
    await tally.call('POST /v1/admin/entities/emptied/credits', { body: { amount_usd: '1' } });
    const events = usage('emptied', 100);
    await tally.queue.add([events.slice(0, 60)]);
    await tally.queue.drained();
    const check = async () =>
      (await tally.call('GET /v1/quota/check', { headers: { 'openai-project': 'emptied/project0' } })).body;
    const before = await check();
    await tally.queue.redis.flushall();
    expect(await check()).toEqual(before);
    await tally.queue.add(inJobsOf(10, events));
    await tally.queue.drained();
    expect(await countedOf(tally, 'emptied')).toEqual(counted(100, 100n * EVENT_PICOS));
    expect((await check()).remaining.credits_usd).toBe('0.98935');
    await until('the schedules are back', async () => {
      const schedules = await tally.queue.redis.zrange('bull:upkeep-money:repeat', 0, -1);
      return schedules.includes('expire-grants') && schedules.includes('post-closed-hours');
    });
  });
});
