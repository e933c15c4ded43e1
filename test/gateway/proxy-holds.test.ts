/** What a request through the gateway holds, and what its caller is told where Tally refuses that. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { anError } from '../support/fake-tally.js';
import { json } from '../support/model-server.js';
import { aProxyWorld, call, CHAT, closeWorld, type ProxyWorld } from '../support/proxy.js';

const USAGE = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld(json({ usage: USAGE }));
});

afterEach(() => closeWorld(world));

const errorIn = (text: string) => JSON.parse(text).error;

describe('the hold', () => {
  const bytes = (body: object) => JSON.stringify(body).length + 512;
  const text = { model: 'm', messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] };
  const prompts = { model: 'm', prompt: ['a', 'b'] };
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
    { path: 'completions', body: { ...prompts, max_tokens: 5, best_of: 2 }, output: 20, inputs: 2 },
    { path: 'completions', body: { model: 'm', prompt: [1, 2, 3], max_tokens: 5 }, output: 5 },
    { path: 'embeddings', body: { model: 'm', input: [[1, 2, 3]] }, output: 0 },
    // What is not bounded is as large as the model allows, for each input and each output.
    { body: { ...text, n: 3 }, output: undefined, outputs: 3 },
    { body: { ...text, n: '3' }, output: undefined, outputs: 3 },
    { body: { ...text, n: 2, best_of: 5 }, output: undefined, outputs: 5 },
    { body: { ...text, n: 3, max_tokens: -1 }, output: undefined, outputs: 3 },
    { path: 'messages', body: { ...text, n: 2 }, output: undefined, outputs: 2 },
    { path: 'completions', body: { ...prompts, n: 3 }, output: undefined, inputs: 2, outputs: 6 },
    { path: 'completions', body: { model: 'm', prompt: [[1, 2], [3]] }, inputs: 2, outputs: 2 },
    { path: 'embeddings', body: { model: 'm', input: ['a', 'b', 'c'], n: 9 }, output: 0, inputs: 3 },
    { path: 'embeddings', body: { model: 'm', input: [1, 2, 3] }, output: 0 },
    { path: 'embeddings', body: { model: 'm', input: [] }, output: 0 },
    { path: 'completions', body: { model: 'm', prompt_embeds: 'gAJj' }, unbounded: true },
    {
      path: 'completions',
      body: { model: 'm', prompt_embeds: ['gAJj', 'gAJj'] },
      inputs: 2,
      outputs: 2,
      unbounded: true,
    },
    {
      path: 'completions',
      body: { ...prompts, prompt_embeds: ['gAJj'], n: 2 },
      inputs: 3,
      outputs: 6,
      unbounded: true,
    },
    {
      path: 'completions',
      body: { model: 'm', prompt_embeds: [[0.5], [0.25]] },
      inputs: 2,
      outputs: 2,
      unbounded: true,
    },
    {
      path: 'rerank',
      body: { model: 'm', query: '', documents: { content: ['a', 'b'] } },
      output: 0,
      inputs: 2,
    },
  ];

  it.each(cases)(
    'of $body bounds what it may cost',
    async ({ path = 'chat/completions', body, output, inputs, outputs, unbounded }) => {
      await call(world.gateway, { path: `/v1/${path}`, body });
      const {
        id: _id,
        project: _project,
        model: _model,
        request_id: _requestId,
        ttl_seconds: _ttl,
        ...held
      } = world.tally.reservations[0]!;
      expect(held).toEqual({
        max_output_tokens: output,
        input_bytes: unbounded === true ? undefined : bytes(body),
        input_count: inputs,
        output_count: outputs,
      });
    },
  );

  it('of a reranker has its query once for each document', async () => {
    const body = { model: 'm', query: 'q'.repeat(1_000), documents: ['a', 'b', 'c'] };
    await call(world.gateway, { path: '/v1/rerank', body });
    const held = { input_bytes: bytes(body) + 2_000, input_count: 3, max_output_tokens: 0 };
    expect(world.tally.reservations[0]).toMatchObject(held);
  });

  it.each([
    { param: 'model', own: 'model', status: 400 },
    { param: 'max_output_tokens', own: 'max_tokens', status: 400 },
    { param: 'output_count', own: 'n', status: 400 },
    { param: 'input_count', own: null, status: 400 },
    { param: 'project', own: null, status: 500 },
    { param: null, own: null, status: 500 },
  ])('that Tally refuses for its $param is a $status', async ({ param, own, status }) => {
    const error = {
      error: { ...Object(Object(anError('is wrong', 'invalid_request_error', 'x')).error), param },
    };
    world.tally.refuseNext(/reservations$/, { status: 400, body: error });
    const got = await call(world.gateway, { body: { ...CHAT, max_tokens: 7 } });
    expect([got.status, errorIn(got.text).param]).toEqual([status, own]);
    expect(got.text.includes('is wrong')).toBe(status === 400);
    expect(world.model.asked).toEqual([]);
  });
});
