import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anEventBody, LLAMA } from '../support/builders.js';
import { anApp, type TestApp } from '../support/app.js';

const CREDITS = 'POST /v1/admin/entities/entity1/credits';
const LIMITS = 'PATCH /v1/admin/entities/entity1/limits';
const PRICES = 'POST /v1/admin/prices';
const RESERVE = 'POST /v1/quota/reservations';
const EVENTS = 'POST /v1/usage/events';
const RERATE = 'POST /v1/admin/prices/rerate';

const rerating = { model: 'm', from: '2026-11-01', to: '2026-12-01', reason: 'test' };
const price = { model: 'm', input_usd_per_million: '1', output_usd_per_million: '1' };
const reservation = { project: 'entity1/project1', model: LLAMA };

/** What is sent, and the field that the answer names. */
const REFUSED: readonly (readonly [what: string, call: string, body: unknown, param: string])[] = [
  ['a negative amount', CREDITS, { amount_usd: '-1' }, 'amount_usd'],
  ['an amount of nothing', CREDITS, { amount_usd: '0' }, 'amount_usd'],
  ['an amount that is a number', CREDITS, { amount_usd: 12.5 }, 'amount_usd'],
  ['an amount that is huge', CREDITS, { amount_usd: '1000000000001' }, 'amount_usd'],
  ['an amount in words', CREDITS, { amount_usd: 'ten' }, 'amount_usd'],
  ['an amount with an exponent', CREDITS, { amount_usd: '1e3' }, 'amount_usd'],
  ['an amount with a comma', CREDITS, { amount_usd: '1,5' }, 'amount_usd'],
  ['an amount with 13 decimals', CREDITS, { amount_usd: '0.1234567890123' }, 'amount_usd'],
  ['no amount', CREDITS, {}, 'amount_usd'],
  ['an unknown category', CREDITS, { amount_usd: '1', category: 'gift' }, 'category'],
  ['a priority out of range', CREDITS, { amount_usd: '1', priority: 101 }, 'priority'],
  ['a priority with a fraction', CREDITS, { amount_usd: '1', priority: 1.5 }, 'priority'],
  ['a priority that is infinite', CREDITS, '{"amount_usd":"1","priority":1e999}', 'priority'],
  ['an expiry in the past', CREDITS, { amount_usd: '1', expires_at: 1_000_000_000 }, 'expires_at'],
  ['an expiry in words', CREDITS, { amount_usd: '1', expires_at: 'tomorrow' }, 'expires_at'],
  ['an expiry far away', CREDITS, { amount_usd: '1', expires_at: 9e15 }, 'expires_at'],
  ['an unknown field', CREDITS, { amount_usd: '1', colour: 'red' }, 'colour'],
  ['a NUL in a text', CREDITS, { amount_usd: '1', note: 'a\u0000b' }, 'note'],
  ['half a surrogate pair in a text', CREDITS, '{"amount_usd":"1","note":"\\ud800"}', 'note'],
  ['a text that is too long', CREDITS, { amount_usd: '1', reference: 'x'.repeat(257) }, 'reference'],
  ['an array', CREDITS, [], 'body'],
  ['a string', CREDITS, '"x"', 'body'],
  ['null', CREDITS, 'null', 'body'],
  ['a negative cap', LIMITS, { monthly_cap_usd: '-0.01' }, 'monthly_cap_usd'],
  ['a cap that is a number', LIMITS, { yearly_cap_usd: 100 }, 'yearly_cap_usd'],
  ['a cap that is absurd', LIMITS, { monthly_cap_usd: '99999999999999999999' }, 'monthly_cap_usd'],
  ['an unknown overage', LIMITS, { overage: 'maybe' }, 'overage'],
  ['a negative concurrency', LIMITS, { max_concurrent_requests: -1 }, 'max_concurrent_requests'],
  ['a negative price', PRICES, { ...price, input_usd_per_million: '-1' }, 'input_usd_per_million'],
  ['a price that is a number', PRICES, { ...price, output_usd_per_million: 0.71 }, 'output_usd_per_million'],
  [
    'a price with 7 decimals',
    PRICES,
    { ...price, input_usd_per_million: '0.1234567' },
    'input_usd_per_million',
  ],
  ['an absurd price', PRICES, { ...price, input_usd_per_million: '10000.01' }, 'input_usd_per_million'],
  ['a price without a model', PRICES, { ...price, model: undefined }, 'model'],
  ['a price with a day that is none', PRICES, { ...price, effective_from: '2026-02-30' }, 'effective_from'],
  ['a re-rating to the end of time', RERATE, { ...rerating, to: 1e308 }, 'to'],
  ['a re-rating to a time before all time', RERATE, { ...rerating, to: -62_135_596_801 }, 'to'],
  ['a re-rating from a second of another century', RERATE, { ...rerating, from: 5_000_000_000 }, 'from'],
  ['a re-rating from the end of time', RERATE, { ...rerating, from: 2 ** 53 }, 'from'],
  ['a plan that is no name', 'PUT /v1/admin/entities/entity1', { plan: '../x' }, 'plan'],
  ['a role that is none', 'POST /v1/admin/keys', { name: 'k', role: 'root' }, 'role'],
  ['a project without an entity', RESERVE, { ...reservation, project: 'project1' }, 'project'],
  ['a project with a NUL', RESERVE, { ...reservation, project: 'entity1/\u0000' }, 'project'],
  ['negative tokens', RESERVE, { ...reservation, input_tokens: -1 }, 'input_tokens'],
  ['more tokens than 2^31-1', RESERVE, { ...reservation, max_output_tokens: 2 ** 31 }, 'max_output_tokens'],
  ['no time to live', RESERVE, { ...reservation, ttl_seconds: 0 }, 'ttl_seconds'],
  ['1,001 events', EVENTS, Array.from({ length: 1_001 }, () => ({})), 'body'],
  ['no event', EVENTS, [], 'body'],
  ['an event that is a number', EVENTS, '1', 'body'],
];

/** Requests whose path, query or headers are at fault. */
const REFUSED_LINES: readonly (readonly [call: string, status: number, headers?: Record<string, string>])[] =
  [
    ['GET /v1/admin/entities/%00', 400],
    ['GET /v1/admin/entities/%E0%A4%A', 400],
    ['GET /v1/admin/entities/a%2Fb', 400],
    [`GET /v1/admin/entities/${'x'.repeat(129)}`, 400],
    [`GET /v1/admin/entities/${'x'.repeat(2_000)}`, 400],
    ['GET /v1/admin/entities/nobody', 404],
    ['GET /v1/admin/entities?limit=0', 400],
    ['GET /v1/admin/entities?limit=101', 400],
    ['GET /v1/admin/entities?limit=ten', 400],
    ['GET /v1/admin/entities?limit=1&limit=2', 400],
    ['GET /v1/admin/entities?page=1', 400],
    ['GET /v1/admin/entities?after=%00', 400],
    ['GET /v1/admin/entities?__proto__=1', 400],
    ['GET /v1/admin/entities/entity1/ledger?after=99999999999999999999', 400],
    ['GET /v1/admin/prices?after=x', 400],
    ['GET /v1/entities/entity1/usage?start_time=1764547200&end_time=1764547200', 400],
    ['GET /v1/entities/entity1/usage?start_time=-1', 400],
    ['GET /v1/quota/check', 400],
    ['GET /v1/quota/check', 400, { 'openai-project': 'entity1' }],
    ['POST /v1/quota/reservations/res_x/release', 404],
    ['POST /v1/quota/reservations/%00/release', 400],
    ['DELETE /v1/admin/keys/key_none', 404],
    ['POST /v1/admin/dead_letters/dl_none/replay', 404],
    ['GET /v1/admin/plans/none', 404],
    ['GET /nowhere', 404],
    ['GET /docs/..%2f..%2fpackage.json', 404],
    ['DELETE /v1/admin/entities', 405],
    ['PATCH /v1/quota/check', 400],
    ['POST /v1/quota/check/v1/models', 400],
    ['GET /v1/quota/checks', 404],
    ['PATCH /v1/quota/reservations', 405],
    ['GET /docs/constructor', 404],
    ['GET /docs/__proto__', 404],
    ['GET /dashboard/assets/constructor', 404],
    ['GET /livez?x=1', 400],
    ['GET /v1/admin/plans?dry_run=true', 400],
  ];

describe('nothing that a caller sends is a server error', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
  });
  afterAll(() => app.close());

  it.each(REFUSED)('%s (%s) is a 400 that names the field', async (_what, call, body, param) => {
    const { status, body: answer } = await app.call(call, { body });
    expect([status, answer.error.param]).toEqual([400, param]);
    expect(answer).toEqual({
      error: {
        message: expect.stringContaining(param),
        type: 'invalid_request_error',
        param,
        code: 'invalid_request',
      },
    });
  });

  it.each(REFUSED_LINES)('%s is a %d in our words', async (call, expected, headers = {}) => {
    const { status, body, headers: answered } = await app.call(call, { headers });
    expect([status, Object.keys(body)]).toEqual([expected, ['error']]);
    expect(body.error).toMatchObject({ message: expect.any(String), type: 'invalid_request_error' });
    expect(answered.get('x-request-id')).toMatch(/^req_/);
  });

  it('all fields at fault are named at once', async () => {
    const { body } = await app.call(CREDITS, { body: { amount_usd: 5, category: 'x', colour: 1, shape: 2 } });
    for (const field of ['amount_usd', 'category', 'colour', 'shape'])
      expect(body.error.message).toContain(field);
  });

  it.each([
    ['broken JSON', '{"amount_usd":', 'application/json', 400],
    ['bytes that are no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'application/json', 400],
    ['a thousand levels', `${'['.repeat(1_000)}${']'.repeat(1_000)}`, 'application/json', 400],
    ['sixty thousand levels', '['.repeat(60_000), 'application/json', 400],
    ['5 MiB', `"${'x'.repeat(5 * 1024 * 1024)}"`, 'application/json', 413],
    ['a form', 'amount_usd=1', 'application/x-www-form-urlencoded', 415],
    ['text', 'amount_usd=1', 'text/plain', 415],
    ['a content type that is none', '{}', 'x', 415],
  ])('%s is refused', async (_what, body, type, expected) => {
    const { status, body: answer } = await app.call(CREDITS, { body, headers: { 'content-type': type } });
    expect([status, answer.error.type]).toEqual([expected, 'invalid_request_error']);
  });

  it('a compressed body is refused instead of guessed at', async () => {
    const headers = { 'content-encoding': 'gzip' };
    expect((await app.call(CREDITS, { body: '{}', headers })).status).toBe(415);
  });

  it('__proto__ is a field that no call knows, and reaches nothing', async () => {
    for (const spelled of ['"__proto__"', '"\\u005f_proto__"', '"constructor"', '"prototype"']) {
      const body = `{"amount_usd":"1",${spelled}:{"category":"promotional"}}`;
      const { status, body: answer } = await app.call(CREDITS, { body });
      expect([status, answer.error.param]).toEqual([400, JSON.parse(spelled)]);
    }
    expect(({} as { category?: string }).category).toBeUndefined();
  });

  it.each(['', ' ', 'x'.repeat(256), 'ключ'])(
    'the Idempotency-Key %j is taken or refused, never a 500',
    async (key) => {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const sent = httpRequest(`${app.url}/v1/admin/entities/entity1/credits`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${app.adminKey}`,
            'content-type': 'application/json',
            'idempotency-key': Buffer.from(key).toString('latin1'),
          },
        });
        sent.on('response', (response) => resolve(response.resume().statusCode));
        sent.on('error', reject);
        sent.end('{"amount_usd":"1"}');
      });
      expect(status).toBe(400);
    },
  );

  it.each(['Basic abc', 'Bearer', 'Bearer a b', `Bearer ${'x'.repeat(600)}`])(
    '%.20s is no key',
    async (authorization) => {
      const { status } = await app.call('GET /v1/admin/entities', { key: null, headers: { authorization } });
      expect(status).toBe(401);
    },
  );

  it('a request id that is sane is kept, another one is replaced', async () => {
    const kept = await app.call('GET /livez', { headers: { 'x-request-id': 'abc-1' } });
    expect(kept.headers.get('x-request-id')).toBe('abc-1');
    const replaced = await app.call('GET /livez', { headers: { 'x-request-id': 'a b"c' } });
    expect(replaced.headers.get('x-request-id')).toMatch(/^req_/);
  });

  it.each([
    ['what is not HTTP', 'hello\r\n\r\n', '400'],
    ['headers without end', `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
  ])('%s is answered in our words', async (_what, sent, status) => {
    const { port } = new URL(app.url);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(sent));
      socket.on('data', (chunk) => (text += String(chunk)));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('"type":"invalid_request_error"');
  });

  it('a bad event is told to its producer and refuses no other', async () => {
    const good = anEventBody();
    const bad = [
      null,
      7,
      { ...good, id: 'a\u0000' },
      { ...good, subject: 'entity1' },
      anEventBody({}, { usage: { prompt_tokens: -1 } }),
      { ...good, time: '2020-01-01T00:00:00Z' },
    ];
    const { status, body } = await app.call(EVENTS, {
      body: [...bad, good],
      headers: { 'content-type': 'application/cloudevents-batch+json' },
    });
    expect([status, body.accepted, body.rejected.length]).toEqual([202, 1, bad.length]);
    for (const rejection of body.rejected)
      expect(rejection).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    const none = await app.call(EVENTS, { body: bad[3] });
    expect([none.status, none.body]).toMatchObject([
      422,
      { object: 'usage.receipt', accepted: 0, rejected: [{ index: 0 }] },
    ]);
  });
});
