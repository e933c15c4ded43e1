import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type Answer, type TestApp } from '../support/app.js';

const OF = { 'openai-organization': 'tagged' };

/** What can be changed: how it is read, and how it is changed to one of several values. */
const CASES: readonly [string, { read: string; change: string; bodies: readonly object[] }][] = [
  [
    'an entity',
    {
      read: 'GET /v1/admin/entities/tagged',
      change: 'PUT /v1/admin/entities/tagged',
      bodies: [{ plan: 'pro' }, { plan: 'free' }, { plan: 'enterprise' }],
    },
  ],
  [
    "an entity's limits",
    {
      read: 'GET /v1/admin/entities/tagged',
      change: 'PATCH /v1/admin/entities/tagged/limits',
      bodies: [
        { monthly_cap_usd: '1' },
        { monthly_cap_usd: null },
        { overage: 'inherit', yearly_cap_usd: '8' },
      ],
    },
  ],
  [
    "a project's limits",
    {
      read: 'GET /v1/admin/entities/tagged/projects/p/limits',
      change: 'PATCH /v1/admin/entities/tagged/projects/p/limits',
      bodies: [{ monthly_cap_usd: '1' }, { monthly_cap_usd: '2' }, { max_concurrent_requests: 3 }],
    },
  ],
  [
    'a project',
    {
      read: 'GET /v1/admin/entities/tagged/projects/p/limits',
      change: 'PUT /v1/admin/entities/tagged/projects/p',
      bodies: [{ monthly_cap_usd: '4' }, { monthly_cap_usd: '5' }, { max_concurrent_requests: 6 }],
    },
  ],
  [
    'a plan',
    {
      read: 'GET /v1/admin/plans/tagged',
      change: 'PUT /v1/admin/plans/tagged',
      bodies: [{ monthly_cap_usd: '1' }, { overage: 'allowed' }, { monthly_credit_usd: '2' }],
    },
  ],
  [
    'a spend limit',
    {
      read: 'GET /v1/organization/spend_limit',
      change: 'POST /v1/organization/spend_limit',
      bodies: [{ threshold_amount: 100 }, { threshold_amount: 200 }, { threshold_amount: 300 }],
    },
  ],
  [
    "a project's spend limit",
    {
      read: 'GET /v1/organization/projects/p/spend_limit',
      change: 'POST /v1/organization/projects/p/spend_limit',
      bodies: [{ threshold_amount: 100 }, { threshold_amount: 200 }, { threshold_amount: 300 }],
    },
  ],
];

describe('two admins who change the same thing', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await app.call('PUT /v1/admin/plans/tagged', { body: {} });
  });
  // So that there is a limit to read.
  beforeEach(async () => {
    await app.limit('tagged', { monthly_cap_usd: '77' });
    await app.limit('tagged/p', { monthly_cap_usd: '7' });
  });
  afterAll(() => app.close());

  const change = (request: string, ifMatch: string | null, body?: object): Promise<Answer> =>
    app.call(request, {
      headers: { ...OF, ...(ifMatch !== null && { 'if-match': ifMatch }) },
      ...(body && { body }),
    });
  const tagOf = ({ headers }: Answer): string => headers.get('etag') ?? '';
  const read = (request: string) => app.call(request, { headers: OF });

  it.each(CASES)('%s: the later one is refused, and what it saw is unchanged', async (_, thing) => {
    const seen = tagOf(await read(thing.read));
    expect(seen).toMatch(/^"[\w-]{27}"$/);
    const first = await change(thing.change, seen, thing.bodies[0]);
    expect([first.status, tagOf(first)]).toEqual([200, tagOf(await read(thing.read))]);
    const later = await change(thing.change, seen, thing.bodies[1]);
    expect([later.status, later.body.error.code, later.body.error.param]).toEqual([
      412,
      'precondition_failed',
      'If-Match',
    ]);
    expect((await read(thing.read)).body).toEqual(first.body);
    expect((await change(thing.change, tagOf(first), thing.bodies[1])).status).toBe(200);
  });

  it.each(CASES)('%s: of many at once exactly one is made', async (_, thing) => {
    const seen = tagOf(await read(thing.read));
    const bodies = [0, 1, 2, 3, 4, 5].map((index) => thing.bodies[index % thing.bodies.length]!);
    // A change to what is there already leaves the tag, so all of these differ from it.
    const answers = await Promise.all(bodies.map((body) => change(thing.change, seen, body)));
    const made = answers.filter(({ status }) => status === 200);
    expect(answers.every(({ status }) => status === 200 || status === 412)).toBe(true);
    const tags = new Set(made.map(tagOf).filter((tag) => tag !== seen));
    expect(tags.size).toBe(1);
    expect([...tags]).toEqual([tagOf(await read(thing.read))]);
  });

  it.each(CASES)('%s: takes *, any of several tags, no weak tag, and none at all', async (_, thing) => {
    const [body] = thing.bodies;
    expect((await change(thing.change, '*', body)).status).toBe(200);
    const tag = tagOf(await read(thing.read));
    expect((await change(thing.change, `"other", ${tag}`, body)).status).toBe(200);
    expect((await change(thing.change, `W/${tag}`, body)).status).toBe(412);
    expect((await change(thing.change, '"other"', body)).status).toBe(412);
    expect((await change(thing.change, null, body)).status).toBe(200);
    for (const wrong of ['other', '"open', '', '*, "x"', 'W/*']) {
      const { status, body: answer } = await change(thing.change, wrong, body);
      expect([wrong, status, answer.error?.param]).toEqual([wrong, 400, 'If-Match']);
    }
  });

  it.each<[string, object?]>([
    ['PUT /v1/admin/entities/untagged', { plan: 'free' }],
    ['PUT /v1/admin/entities/tagged/projects/untagged', {}],
    ['PUT /v1/admin/plans/untagged', {}],
  ])('%s: * and a tag are refused where there is nothing yet, and nothing is made', async (request, body) => {
    expect((await change(request, '*', body)).status).toBe(412);
    expect((await change(request, '"x"', body)).status).toBe(412);
    const of = request.replace('PUT', 'GET').replace('projects/untagged', 'projects/untagged/limits');
    expect((await read(of)).status).toBe(404);
  });

  const CREATED: readonly [string, object, object][] = [
    ['PUT /v1/admin/entities/made-once', { plan: 'free' }, { plan: 'pro' }],
    ['PUT /v1/admin/entities/tagged/projects/made-once', { monthly_cap_usd: '1' }, { monthly_cap_usd: '2' }],
    ['PUT /v1/admin/plans/made-once', { monthly_cap_usd: '1' }, { monthly_cap_usd: '2' }],
  ];

  it.each(CREATED)(
    '%s: If-None-Match creates it once, of many at once too, and changes none that is there',
    async (request, body, other) => {
      const create = (of: object, header = '*') =>
        app.call(request, { headers: { 'if-none-match': header }, body: of });
      const answers = await Promise.all([body, other, body, other].map((of) => create(of)));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412, 412, 412]);
      const refused = answers.find(({ status }) => status === 412)!;
      expect(refused.body.error).toMatchObject({ code: 'precondition_failed', param: 'If-None-Match' });
      const made = answers.find(({ status }) => status === 200)!;
      const of = request.replace('PUT', 'GET').replace('projects/made-once', 'projects/made-once/limits');
      expect((await read(of)).body).toEqual(made.body);
      const wrong = await create(body, '"tag"');
      expect([wrong.status, wrong.body.error.param]).toEqual([400, 'If-None-Match']);
    },
  );

  it('a read takes the If-None-Match that a browser sends', async () => {
    const { status } = await app.call('GET /v1/admin/entities/tagged', {
      headers: { 'if-none-match': '"old"' },
    });
    expect(status).toBe(200);
  });

  it('a removed spend limit is refused under an old tag, and removed under the right one', async () => {
    await change('POST /v1/organization/spend_limit', null, { threshold_amount: 500 });
    const remove = 'DELETE /v1/organization/spend_limit';
    expect((await change(remove, '"old"')).status).toBe(412);
    const tag = tagOf(await read('GET /v1/organization/spend_limit'));
    expect((await change(remove, tag)).status).toBe(200);
    expect((await change(remove, tag)).status).toBe(404);
  });

  it('a repetition under an idempotency key gets its answer again, whatever has changed since', async () => {
    const path = '/v1/admin/entities/tagged';
    const tag = tagOf(await read(`GET ${path}`));
    const again = () =>
      app.call(`PATCH ${path}/limits`, {
        headers: { 'if-match': tag, 'idempotency-key': 'once' },
        body: { monthly_cap_usd: '31' },
      });
    const first = await again();
    expect(first.status).toBe(200);
    const repeated = await again();
    expect([repeated.status, repeated.body, tagOf(repeated)]).toEqual([200, first.body, tagOf(first)]);
  });
});
