import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type CallOptions, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';

describe("a gateway's plain route", () => {
  let app: TestApp;
  let keys: Record<'gateway' | 'bound' | 'finance', string>;
  beforeAll(async () => {
    app = await anApp();
    const [gateway, bound, finance] = await Promise.all([
      app.key('gateway'),
      app.key('gateway', 'other'),
      app.key('finance'),
    ]);
    keys = { gateway, bound, finance };
    await app.limit('full', { monthly_cap_usd: '0' });
    await app.limit('entity1', { overage: 'allowed' });
  });
  afterAll(() => app.close());

  const RESERVE = 'POST /v1/quota/reservations';
  const order = {
    project: 'entity1/p',
    model: LLAMA,
    input_tokens: 1,
    max_output_tokens: 1,
    request_id: 'r',
  };

  /** Without what differs from one answer to the next. */
  const answerTo = async (call: string, options: CallOptions) => {
    const headers = { 'x-request-id': 'req_same', ...options.headers };
    const { status, headers: answered, text } = await app.call(call, { ...options, headers });
    const kept = [...answered].filter(
      ([name]) => !['date', 'content-length', 'x-quota-decision'].includes(name),
    );
    return { status, headers: kept, text: text.replaceAll(/dec_[\w-]+/g, 'dec') };
  };

  const REFUSED: Record<string, () => CallOptions> = {
    'no key': () => ({ key: null, body: order }),
    'an unknown key': () => ({ key: 'sk-tally-nobody', body: order }),
    'a key of another role': () => ({ key: keys.finance, body: order }),
    'a body that is no JSON': () => ({ key: keys.gateway, body: '{' }),
    'another content type': () => ({
      key: keys.gateway,
      body: 'x',
      headers: { 'content-type': 'text/plain' },
    }),
    'a compressed body': () => ({
      key: keys.gateway,
      body: order,
      headers: { 'content-encoding': 'gzip' },
    }),
    'a body that is too large': () => ({ key: keys.gateway, body: 'x'.repeat(5 * 1024 * 1024) }),
  };

  it.each(Object.keys(REFUSED))("refuses a request with %s as Nest's routes do", async (what) => {
    const options = REFUSED[what]!();
    const refused = await answerTo(RESERVE, options);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.status).toBeLessThan(500);
    // A route of Nest's for the same role.
    expect(await answerTo('POST /v1/quota/leases', options)).toEqual(refused);
  });

  it('names every field at fault', async () => {
    const { status, body } = await app.call(RESERVE, {
      key: keys.gateway,
      body: { project: 1, colour: 'red' },
    });
    expect([status, body.error.code]).toEqual([400, 'invalid_request']);
    for (const field of ['project', 'model', 'colour']) expect(body.error.message).toContain(field);
  });

  it("refuses another entity's key", async () => {
    expect((await app.call(RESERVE, { key: keys.bound, body: order })).status).toBe(403);
  });

  const CALLS: Record<string, () => [call: string, options: CallOptions]> = {
    'a reservation': () => [RESERVE, { key: keys.gateway, body: order }],
    'a reservation again with other content': () => [
      RESERVE,
      { key: keys.gateway, body: { ...order, input_tokens: 2 } },
    ],
    'a denial': () => [RESERVE, { key: keys.gateway, body: { project: 'full/p', model: LLAMA } }],
    'no body': () => [RESERVE, { key: keys.gateway }],
    'a release of what is no id': () => [`${RESERVE}/x/release`, { key: keys.gateway }],
    'an extension of what has ended': () => [
      `${RESERVE}/res_AAAAAAAAAAAAAAAAAAAAAA.entity1/extend`,
      { key: keys.gateway, body: { ttl_seconds: 60 } },
    ],
    'a check': () => [
      'GET /v1/quota/check',
      { key: keys.gateway, headers: { 'openai-project': 'entity1/p' } },
    ],
    'a check without a project': () => ['GET /v1/quota/check', { key: keys.gateway }],
  };

  it.each(Object.keys(CALLS))(
    'answers %s alike however the URL is written: with an empty query, or a slash at its end',
    async (what) => {
      const [call, options] = CALLS[what]!();
      const answer = await answerTo(call, options);
      for (const end of ['?', '/']) expect(await answerTo(`${call}${end}`, options)).toEqual(answer);
    },
  );

  it('takes an id in any encoding', async () => {
    const id = 'res_AAAAAAAAAAAAAAAAAAAAAA.entity1';
    const encoded = id.replace(/./g, (character) => `%${character.charCodeAt(0).toString(16)}`);
    const released = await app.call(`${RESERVE}/${encoded}/release`, { key: keys.gateway });
    expect([released.status, released.body.id]).toEqual([200, id]);
  });

  it('is counted in the metrics under its own path', async () => {
    await app.call(RESERVE, { key: keys.gateway, body: order });
    const { text } = await app.call('GET /metrics');
    expect(text).toContain('method="POST",route="/v1/quota/reservations",status="201"');
  });
});
