/** What a gateway and its callers read of each refusal: the table of denials, row by row, over HTTP. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BACKLOG_MAX } from '../../src/metering/key-backlog.js';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { litellmBatch } from '../support/litellm-logs.js';
import { TestClock } from '../support/test-clock.js';

/** Why; status, message, type, code; what tells a caller whether and when to try again. */
const TABLE = {
  'credits gone, or a cap reached': [
    429,
    'You exceeded your current quota, please check your plan and billing details',
    'insufficient_quota',
    'insufficient_quota',
    { 'x-should-retry': 'false', 'retry-after': null, 'retry-after-ms': null },
  ],
  'too many requests in flight': [
    429,
    'Concurrency limit reached for requests',
    'requests',
    'rate_limit_exceeded',
    { 'x-should-retry': null, 'retry-after': '1', 'retry-after-ms': '1000' },
  ],
  'room is left, but requests in flight hold it': [
    429,
    'Requests in flight hold the rest of your quota, please retry when they have finished',
    'requests',
    'rate_limit_exceeded',
    { 'x-should-retry': null, 'retry-after': '1', 'retry-after-ms': '1000' },
  ],
  'model without a price': [
    404,
    'The model `nobody-knows` does not exist or you do not have access to it',
    'invalid_request_error',
    'model_not_found',
    { 'x-should-retry': 'false', 'retry-after': null, 'retry-after-ms': null },
  ],
  'bad or missing key': [
    401,
    'Invalid Authentication',
    'invalid_request_error',
    'invalid_api_key',
    { 'x-should-retry': null, 'retry-after': null, 'retry-after-ms': null },
  ],
  'key without the role, or another entity': [
    403,
    'Your API key does not have access to this resource',
    'invalid_request_error',
    'insufficient_permissions',
    { 'x-should-retry': null, 'retry-after': null, 'retry-after-ms': null },
  ],
  'too many bad keys': [
    429,
    'Rate limit reached for requests',
    'requests',
    'rate_limit_exceeded',
    {
      'x-should-retry': null,
      'retry-after': expect.stringMatching(/^\d+$/),
      'retry-after-ms': expect.anything(),
    },
  ],
  'too much waiting usage of one key': [
    429,
    'Rate limit reached for requests',
    'requests',
    'rate_limit_exceeded',
    { 'x-should-retry': null, 'retry-after': '1', 'retry-after-ms': '1000' },
  ],
  'our fault': [
    500,
    'The server had an error while processing your request',
    'server_error',
    'internal_error',
    { 'x-should-retry': null, 'retry-after': null, 'retry-after-ms': null },
  ],
  'Redis and Postgres both away': [
    503,
    'The engine is currently overloaded, please try again later',
    'server_error',
    'overloaded',
    { 'x-should-retry': null, 'retry-after': '1', 'retry-after-ms': null },
  ],
} as const;

type Why = keyof typeof TABLE;

/** An answer as the table has it. */
function rowOf({ status, body, headers }: Answer): unknown {
  const { message, type, code } = body.error ?? {};
  const retry = ['x-should-retry', 'retry-after', 'retry-after-ms'].map((name) => [name, headers.get(name)]);
  return [status, message, type, code, Object.fromEntries(retry)];
}

type Order = { subject: string; key?: string | null; model?: string };

/** The calls that a gateway makes before a request. */
function callsOf({ call }: Pick<TestApp, 'call'>) {
  return {
    reservation: ({ subject: project, model = LLAMA, key }: Order) =>
      call('POST /v1/quota/reservations', {
        body: { project, model, input_tokens: 1_000, max_output_tokens: 0 },
        ...(key !== undefined && { key }),
      }),
    check: ({ subject, model = LLAMA, key }: Order) =>
      call('GET /v1/quota/check', {
        headers: { 'openai-project': subject, 'x-model': model },
        ...(key !== undefined && { key }),
      }),
    lease: ({ subject: project, model = LLAMA, key }: Order) => {
      const lease_id = `lease_AAAAAAAAAAAAAAAAAAAAAA.${project.split('/', 1)[0]}`;
      const amounts = { outstanding_usd: '0', free_usd: '0', wanted_usd: '1' };
      return call('POST /v1/quota/leases', {
        body: { lease_id, sequence: 1, project, ...amounts, models: [model] },
        ...(key !== undefined && { key }),
      });
    },
  };
}

const CALLS = ['reservation', 'check', 'lease'] as const;
/** What a request of 1,000 tokens holds. */
const HOLD_USD = '0.00071';
const NO_LIMITS = { monthly_cap_usd: null, yearly_cap_usd: null, overage: 'allowed' };

describe('a denial by quota', () => {
  let app: TestApp;
  let calls: ReturnType<typeof callsOf>;
  beforeAll(async () => {
    app = await anApp();
    calls = callsOf(app);
  });
  afterAll(() => app.close());

  /** Makes customers whose only limit leaves this much room. */
  const LIMITS: Readonly<Record<string, (entity: string, room: string) => Promise<unknown>>> = {
    credits: async (entity, room) => {
      await app.limit(entity, { ...NO_LIMITS, overage: 'blocked' });
      if (room !== '0')
        await app.call(`POST /v1/admin/entities/${entity}/credits`, { body: { amount_usd: room } });
    },
    entity_monthly_cap: (entity, room) => app.limit(entity, { ...NO_LIMITS, monthly_cap_usd: room }),
    entity_yearly_cap: (entity, room) => app.limit(entity, { ...NO_LIMITS, yearly_cap_usd: room }),
    project_monthly_cap: async (entity, room) => {
      await app.limit(entity, NO_LIMITS);
      await app.limit(`${entity}/p`, { monthly_cap_usd: room });
    },
  };
  const named = Object.keys(LIMITS).flatMap((limit) => CALLS.map((name) => [limit, name] as const));

  const expectRow = (answer: Answer, why: Why, limit: string) => {
    expect(rowOf(answer)).toEqual(TABLE[why]);
    expect([answer.headers.get('x-quota-limit'), answer.body.error.details.limit]).toEqual([limit, limit]);
    expect(answer.body.error.param).toBeNull();
  };

  it.each(named.filter(([, name]) => name !== 'lease'))(
    'where %s leave no room is the quota error, to a %s',
    async (limit, name) => {
      const entity = `gone-${limit}-${name}`;
      await LIMITS[limit]!(entity, '0');
      expectRow(await calls[name]({ subject: `${entity}/p` }), 'credits gone, or a cap reached', limit);
    },
  );

  it.each(named.filter(([, name]) => name !== 'lease'))(
    'where requests in flight hold the room that %s leave says so, to a %s',
    async (limit, name) => {
      const entity = `held-${limit}-${name}`;
      await LIMITS[limit]!(entity, HOLD_USD);
      expect((await calls.reservation({ subject: `${entity}/p` })).status).toBe(201);
      const denied = await calls[name]({ subject: `${entity}/p` });
      expectRow(denied, 'room is left, but requests in flight hold it', limit);
    },
  );

  it.each([
    ['reservation', 'entity'],
    ['reservation', 'project'],
    ['check', 'entity'],
    ['check', 'project'],
  ] as const)('to a %s, where too many requests of the %s are in flight, says so', async (name, whose) => {
    const entity = `busy-${whose}-${name}`;
    await app.limit(entity, NO_LIMITS);
    await app.limit(whose === 'entity' ? entity : `${entity}/p`, { max_concurrent_requests: 1 });
    expect((await calls.reservation({ subject: `${entity}/p` })).status).toBe(201);
    expectRow(await calls[name]({ subject: `${entity}/p` }), 'too many requests in flight', 'concurrency');
  });

  it.each(named.filter(([, name]) => name === 'lease'))(
    'is none to a lease: where %s leave no room it is granted nothing, and says why',
    async (limit) => {
      const entity = `leased-${limit}`;
      await LIMITS[limit]!(entity, '0');
      const { status, body } = await calls.lease({ subject: `${entity}/p` });
      expect([status, body.granted_usd, body.reason]).toEqual([201, '0', 'near_limit']);
    },
  );
});

describe('any other refusal', () => {
  const clock = new TestClock();
  let app: TestApp;
  let calls: ReturnType<typeof callsOf>;
  let gateway: string;
  beforeAll(async () => {
    app = await anApp({ clock });
    calls = callsOf(app);
    gateway = await app.key('gateway', 'entity1');
    await app.limit('entity1', NO_LIMITS);
  });
  afterAll(() => app.close());

  const subject = 'entity1/p';

  it.each(CALLS)('of a %s is answered as the table of denials has it', async (name) => {
    const rows: [Why, Order][] = [
      ['bad or missing key', { subject, key: null }],
      ['key without the role, or another entity', { subject, key: await app.key('finance', 'entity1') }],
      ['key without the role, or another entity', { subject: 'entity2/p', key: gateway }],
      ...(name === 'lease'
        ? []
        : [['model without a price', { subject, model: 'nobody-knows', key: gateway }] as [Why, Order]]),
    ];
    for (const [why, order] of rows)
      expect([why, rowOf(await calls[name](order))]).toEqual([why, TABLE[why]]);
    const bad = await Promise.all(
      Array.from({ length: 60 }, (_, n) => calls[name]({ subject, key: `sk-tally-nobody-${n}` })),
    );
    const limited = bad.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThan(0);
    for (const answer of limited) expect(rowOf(answer)).toEqual(TABLE['too many bad keys']);
    for (const answer of bad.filter(({ status }) => status !== 429))
      expect(rowOf(answer)).toEqual(TABLE['bad or missing key']);
  });
});

describe('usage of a key of which too much waits', () => {
  // No worker takes what waits here.
  it('is refused as the table of denials has it, by every route that takes usage', async () => {
    const app = await anApp();
    try {
      const key = await app.key('gateway');
      const report = (body: unknown) => app.call('POST /v1/usage/events', { key, body });
      const batch = Array.from({ length: 1_000 }, () => anEventBody());
      for (let waiting = 0; waiting < BACKLOG_MAX; waiting += batch.length)
        expect((await report(batch)).status).toBe(202);
      const row = TABLE['too much waiting usage of one key'];
      expect(rowOf(await report(anEventBody()))).toEqual(row);
      expect(rowOf(await app.call('POST /v1/usage/litellm', { key, body: litellmBatch() }))).toEqual(row);
    } finally {
      await app.close();
    }
  });
});

describe('a fault of ours', () => {
  it.each(CALLS)('is answered to a %s as the table of denials has it', async (name) => {
    const app = await anApp();
    try {
      await app.limit('entity1', NO_LIMITS);
      await app.postgres.pool.query('alter table prices rename to lost');
      expect(rowOf(await callsOf(app)[name]({ subject: 'entity1/p' }))).toEqual(TABLE['our fault']);
    } finally {
      await app.close();
    }
  });

  it.each(CALLS)('and an outage of Redis and Postgres together, to a %s', async (name) => {
    const app = await anApp();
    try {
      await app.limit('entity1', NO_LIMITS);
      const calls = callsOf(app);
      expect((await calls[name]({ subject: 'entity1/p' })).status).toBeLessThan(300);
      await Promise.all([app.redis.kill(), app.postgres.drop()]);
      expect(rowOf(await calls[name]({ subject: 'entity1/p' }))).toEqual(
        TABLE['Redis and Postgres both away'],
      );
    } finally {
      await app.close();
    }
  });
});
