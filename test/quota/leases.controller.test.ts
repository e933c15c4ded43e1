import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';
import { leaseId } from '../support/leases.js';

describe('leases over HTTP', () => {
  let app: TestApp;
  let gateway: string;
  beforeAll(async () => {
    app = await anApp();
    gateway = await app.key('gateway');
    const limits = { monthly_cap_usd: '100', overage: 'allowed' };
    for (const entity of ['entity1', 'entity2']) await app.limit(entity, limits);
  });
  afterAll(() => app.close());

  const state = (entity: string, body: object = {}): Promise<Answer> =>
    app.call('POST /v1/quota/leases', {
      key: gateway,
      body: {
        lease_id: leaseId('a', entity),
        sequence: 1,
        project: `${entity}/project1`,
        outstanding_usd: '0',
        free_usd: '0',
        wanted_usd: '5',
        ...body,
      },
    });
  const heldUsd = async (entity: string) =>
    (await app.call(`GET /v1/entities/${entity}/balance`)).body.held_usd;

  it('a lease says what is granted, for how long, and what its requests hold', async () => {
    const { status, body } = await state('entity1', { models: [LLAMA, 'unknown-model'] });
    expect([status, body]).toEqual([
      201,
      {
        object: 'quota.lease',
        id: leaseId('a', 'entity1'),
        project: 'entity1/project1',
        sequence: 1,
        granted_usd: '5',
        give_back_usd: '0',
        lifetime_ms: 10_000,
        reason: null,
        prices: [
          {
            model: LLAMA,
            input_usd_per_million: '0.71',
            output_usd_per_million: '0.71',
            request_usd: '0',
            input_tokens_default: 131_072,
            output_tokens_default: expect.any(Number),
          },
        ],
      },
    ]);
    expect(await heldUsd('entity1')).toBe('5');
    const finished = [{ id: 'res_AAAAAAAAAAAAAAAAAAAAAA.entity1', hold_usd: '0.5' }];
    const renewed = await state('entity1', { sequence: 2, free_usd: '1', wanted_usd: '1', finished });
    expect(renewed.body).toMatchObject({ sequence: 2, granted_usd: '0', give_back_usd: '0' });
    expect(await heldUsd('entity1')).toBe('1.5');
    expect((await state('entity1')).status).toBe(409);
    const end = () =>
      app.call(`POST /v1/quota/leases/${leaseId('a', 'entity1')}/release`, {
        key: gateway,
        body: { project: 'entity1/project1' },
      });
    const released = { object: 'quota.lease', id: leaseId('a', 'entity1'), released: true };
    expect([(await end()).body, (await end()).body]).toEqual([released, released]);
    expect(await heldUsd('entity1')).toBe('0.5');
    const answer = await state('entity1', { sequence: 3 });
    expect([answer.status, answer.body.error]).toMatchObject([404, { param: 'lease_id', code: 'not_found' }]);
  });

  it('statements are counted by outcome, and grants are summed', async () => {
    const counts = async () => {
      const { text } = await app.call('GET /metrics');
      const lines = text.matchAll(
        /^tally_lease_(?:statements_total\{outcome="(\w+)"\}|grant_(usd_sum)) (\S+)$/gm,
      );
      return new Map([...lines].map(([, outcome, sum, n]) => [outcome ?? sum, Number(n)]));
    };
    const before = await counts();
    const limits = (body: object) => app.limit('counted', body);
    const end = () =>
      app.call(`POST /v1/quota/leases/${leaseId('a', 'counted')}/release`, {
        key: gateway,
        body: { project: 'counted/project1' },
      });
    await limits({ monthly_cap_usd: '100', overage: 'allowed' });
    const steps: [string, () => Promise<Answer>][] = [
      ['granted', () => state('counted', { sequence: 1 })],
      ['shared', () => state('counted', { sequence: 3, free_usd: '5', wanted_usd: '80' })],
      ['conflict', () => state('counted', { sequence: 2 })],
      ['given_back', () => state('counted', { sequence: 4, wanted_usd: '0' })],
      ['near_limit', () => state('counted', { sequence: 5, largest_hold_usd: '99', wanted_usd: '99' })],
      ['released', end],
      ['not_found', () => state('counted', { sequence: 6 })],
    ];
    for (const [, act] of steps) await act();
    await limits({ max_concurrent_requests: 5 });
    await state('counted', { lease_id: leaseId('b', 'counted') });
    const after = await counts();
    const risen = [...after].filter(([name, n]) => n !== (before.get(name) ?? 0));
    expect(Object.fromEntries(risen.map(([name, n]) => [name, n - (before.get(name) ?? 0)]))).toEqual({
      ...Object.fromEntries(steps.map(([outcome]) => [outcome, 1])),
      concurrency_limited: 1,
      usd_sum: 50,
    });
  });

  it('a lease states the dearest prices that requests of the default tier may meet until the last of them has run', async () => {
    const price = {
      model: 'open',
      input_usd_per_million: '1',
      cache_write_usd_per_million: '1.25',
      output_usd_per_million: '2',
      request_usd: '0.001',
      variants: [
        { when: { prompt_tokens_above: 500_000 }, input_usd_per_million: '3' },
        { when: { region: 'eu' }, multiplier: '2' },
        { when: { service_tier: 'priority' }, input_usd_per_million: '100' },
        { when: { utc: '12:15-12:20' }, output_usd_per_million: '7' },
      ],
    };
    expect((await app.call('POST /v1/admin/prices', { body: price })).status).toBe(201);
    const stated = async (sequence: number, request_seconds: number) => {
      const order = { lease_id: leaseId('o', 'entity2'), sequence, request_seconds, ttl_seconds: 10 };
      return (await state('entity2', { ...order, models: ['open'] })).body.prices;
    };
    const dearest = { model: 'open', input_usd_per_million: '6', request_usd: '0.002' };
    expect(await stated(1, 889)).toMatchObject([{ ...dearest, output_usd_per_million: '4' }]);
    expect(await stated(2, 890)).toMatchObject([{ ...dearest, output_usd_per_million: '14' }]);
  });

  it('a price that changes before the lease ends is not listed', async () => {
    const soon = new Date(app.clock.now().getTime() + 9_000).toISOString();
    const price = { model: 'changing', input_usd_per_million: '1', output_usd_per_million: '2' };
    const published = async (effective_from: string) => {
      const { status } = await app.call('POST /v1/admin/prices', { body: { ...price, effective_from } });
      expect(status).toBe(201);
    };
    const named = async (sequence: number, ttl_seconds: number) => {
      const { body } = await state('entity2', { sequence, ttl_seconds, models: ['changing'] });
      return body.prices.length;
    };
    await published('2026-11-01T00:00:00Z');
    expect(await named(1, 10)).toBe(1);
    await published(soon);
    expect([await named(2, 10), await named(3, 8)]).toEqual([0, 1]);
  });

  it.each([
    [{ lease_id: 'lease_short.entity2' }, 'lease_id'],
    [{ lease_id: leaseId('a', 'entity1') }, 'lease_id'],
    [{ sequence: 0 }, 'sequence'],
    [{ free_usd: '-1' }, 'free_usd'],
    [{ outstanding_usd: 1 }, 'outstanding_usd'],
    [{ ttl_seconds: 61 }, 'ttl_seconds'],
    [{ finished: [{ id: 'res_AAAAAAAAAAAAAAAAAAAAAA.entity1', hold_usd: '1' }] }, 'finished'],
    [{ finished: [{ id: 'r', hold_usd: '1' }] }, 'finished.0.id'],
    [{ models: Array.from({ length: 51 }, () => 'm') }, 'models'],
  ])('refuses %j and names the field', async (wrong, param) => {
    const { status, body } = await state('entity2', wrong);
    expect([status, body.error.param]).toEqual([400, param]);
  });

  it('nothing is granted while Redis is unavailable, so that gateways ask for each request', async () => {
    await app.redis.kill();
    const { status, body } = await state('entity2', { sequence: 9 });
    expect([status, body.error.code]).toEqual([503, 'overloaded']);
    const { text } = await app.call('GET /metrics');
    expect(text).toContain('tally_lease_statements_total{outcome="overloaded"} 1');
  });
});
