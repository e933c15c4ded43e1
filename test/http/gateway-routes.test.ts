import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type CallOptions, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';

describe("a gateway's call", () => {
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
    await app.call('PATCH /v1/admin/entities/full/limits', { body: { monthly_cap_usd: '0' } });
    await app.call('PATCH /v1/admin/entities/entity1/limits', { body: { overage: 'allowed' } });
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
  const CALLS: Record<string, () => [call: string, options: CallOptions]> = {
    'a reservation': () => [RESERVE, { key: keys.gateway, body: order }],
    'a reservation again with other content': () => [
      RESERVE,
      { key: keys.gateway, body: { ...order, input_tokens: 2 } },
    ],
    'a denial': () => [RESERVE, { key: keys.gateway, body: { project: 'full/p', model: LLAMA } }],
    'no key': () => [RESERVE, { key: null, body: order }],
    'an unknown key': () => [RESERVE, { key: 'sk-tally-nobody', body: order }],
    'a key of another role': () => [RESERVE, { key: keys.finance, body: order }],
    "another entity's key": () => [RESERVE, { key: keys.bound, body: order }],
    'a body that is no JSON': () => [RESERVE, { key: keys.gateway, body: '{' }],
    'no body': () => [RESERVE, { key: keys.gateway }],
    'fields at fault': () => [RESERVE, { key: keys.gateway, body: { project: 1, colour: 'red' } }],
    'another content type': () => [
      RESERVE,
      { key: keys.gateway, body: 'x', headers: { 'content-type': 'text/plain' } },
    ],
    'a body that is too large': () => [RESERVE, { key: keys.gateway, body: 'x'.repeat(5 * 1024 * 1024) }],
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
    'with %s is answered alike on the short way and on the long one',
    async (what) => {
      const [call, options] = CALLS[what]!();
      const answerTo = async (written: string) => {
        const headers = { 'x-request-id': 'req_same', ...options.headers };
        const { status, headers: answered, text } = await app.call(written, { ...options, headers });
        const kept = [...answered].filter(
          ([name]) => !['date', 'content-length', 'x-quota-decision'].includes(name),
        );
        return { status, headers: kept, text: text.replaceAll(/dec_[\w-]+/g, 'dec') };
      };
      // With a query, or an empty one, a call is not as gateways write it.
      expect(await answerTo(`${call}?`)).toEqual(await answerTo(call));
    },
  );
});
