/** What a request through the gateway holds, and what its caller is told where Tally refuses that. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aFakeTally, anError, type FakeTally } from '../support/fake-tally.js';
import type { TestGateway } from '../support/gateway.js';
import { aModelServer, json, type ModelServer } from '../support/model-server.js';
import { aProxy, call, CHAT } from '../support/proxy.js';

const USAGE = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };

let tally: FakeTally;
let model: ModelServer;
let gateway: TestGateway;

beforeEach(async () => {
  tally = await aFakeTally();
  model = await aModelServer(json({ usage: USAGE }));
  gateway = await aProxy(tally, model);
});

afterEach(async () => {
  await gateway.close();
  await model.close();
  await tally.stop();
});

const errorIn = (text: string) => JSON.parse(text).error;

describe('the hold', () => {
  const bytes = (body: object) => JSON.stringify(body).length + 512;
  const text = { model: 'm', messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] };
  const image = { type: 'image_url', image_url: { url: 'http://x/y.png' } };
  const cases = [
    { body: { ...text, max_tokens: 10 }, output: 10 },
    { body: { ...text, max_tokens: 10, n: 3 }, output: 30 },
    { body: { ...text, max_tokens: 10, n_predict: 500 }, output: 500 },
    { body: { ...text, max_tokens: 10, max_completion_tokens: 20 }, output: 20 },
    { body: { ...text, max_tokens: 10, n_predict: -1 }, output: undefined },
    { body: { ...text, max_tokens: '10' }, output: undefined },
    { body: text, output: undefined },
    { body: { ...text, messages: [{ role: 'user', content: [image] }] }, output: undefined, unbounded: true },
    { path: 'responses', body: { model: 'm', input: 'x', previous_response_id: 'resp_1' }, unbounded: true },
    { path: 'completions', body: { model: 'm', prompt: ['a', 'b'], max_tokens: 5, best_of: 2 }, output: 20 },
    { path: 'embeddings', body: { model: 'm', input: [[1, 2, 3]] }, output: 0 },
  ];

  it.each(cases)(
    'of $body bounds what it may cost',
    async ({ path = 'chat/completions', body, output, unbounded }) => {
      await call(gateway, { path: `/v1/${path}`, body });
      expect(tally.reservations[0]?.max_output_tokens).toBe(output);
      expect(tally.reservations[0]?.input_tokens).toBeUndefined();
      expect(tally.reservations[0]?.input_bytes).toBe(unbounded === true ? undefined : bytes(body));
    },
  );

  it('of a reranker has its query once for each document', async () => {
    const body = { model: 'm', query: 'q'.repeat(1_000), documents: ['a', 'b', 'c'] };
    await call(gateway, { path: '/v1/rerank', body });
    expect(tally.reservations[0]).toMatchObject({ input_bytes: bytes(body) + 2_000, max_output_tokens: 0 });
  });

  it.each([
    { param: 'model', own: 'model', status: 400 },
    { param: 'max_output_tokens', own: 'max_tokens', status: 400 },
    { param: 'project', own: null, status: 500 },
    { param: null, own: null, status: 500 },
  ])('that Tally refuses for its $param is a $status', async ({ param, own, status }) => {
    const error = {
      error: { ...Object(Object(anError('is wrong', 'invalid_request_error', 'x')).error), param },
    };
    tally.refuseNext(/reservations$/, { status: 400, body: error });
    const got = await call(gateway, { body: { ...CHAT, max_tokens: 7 } });
    expect([got.status, errorIn(got.text).param]).toEqual([status, own]);
    expect(got.text.includes('is wrong')).toBe(status === 400);
    expect(model.asked).toEqual([]);
  });
});
