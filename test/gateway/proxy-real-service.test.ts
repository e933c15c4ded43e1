/** A model server, the gateway and the real service together: each request is one event with the right quantities or none, and nothing stays held. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Clock } from '../../src/platform/clock.js';
import { anApp, type TestApp } from '../support/app.js';
import { aGateway, all, CALLER_KEY, CHAT_MODEL, errorOf, type TestGateway } from '../support/gateway.js';
import { ANTHROPIC, CHAT_STREAMS, RESPONSES, VLLM } from '../support/model-answers.js';
import {
  aModelServer,
  cutStream,
  json,
  stalledStream,
  stream,
  type Answer,
  type ModelServer,
} from '../support/model-server.js';
import { call, cutOff, open, untilCame } from '../support/proxy.js';
import { until } from '../support/until.js';

const CHAT = { model: CHAT_MODEL, messages: [{ role: 'user' as const, content: 'What does a token cost?' }] };
const STREAM = { ...CHAT, stream: true as const };
const HALF = VLLM.events.slice(0, 3);

let app: TestApp;
let model: ModelServer;
let gateway: TestGateway;
let entity = '';
let entityCount = 0;

beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock() });
});
afterAll(() => app.close());

beforeEach(async () => {
  entityCount += 1;
  entity = `customer${entityCount}`;
  await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  await app.call(`POST /v1/admin/entities/${entity}/credits`, { body: { amount_usd: '50' } });
  model = await aModelServer(json({}));
  gateway = await start();
});

afterEach(async () => {
  await gateway.close();
  await until('nothing is held', async () => (await balance()).held_usd === '0');
  await model.close();
  expect((await app.call('GET /v1/admin/reconciliation')).body.ok).toBe(true);
});

async function start(env: Record<string, string> = {}): Promise<TestGateway> {
  const tally = { url: app.url, apiKey: await app.key('gateway') };
  const keys = `${CALLER_KEY}:${entity}`;
  return aGateway(tally, { env: { GATEWAY_UPSTREAM_URL: model.url, GATEWAY_KEYS: keys, ...env } });
}

const balance = async () => (await app.call(`GET /v1/entities/${entity}/balance`)).body;

type Counted = { quantities: object; usage_source: string; operation: string };

/** All that Tally has counted, once the gateway has delivered everything and all of it is counted. */
async function counted(expectedCount: number): Promise<Counted[]> {
  await gateway.close();
  let events: Counted[] = [];
  await until('all is counted', async () => {
    events = (await app.call(`GET /v1/entities/${entity}/events?limit=100`)).body.data;
    return events.length >= expectedCount && (await balance()).held_usd === '0';
  });
  const { body } = await app.call('GET /v1/admin/dead_letters');
  expect(body.data).toEqual([]);
  return events;
}

const QUANTITIES: Readonly<Record<string, object>> = {
  vLLM: { input: 9, output: 3 },
  SGLang: { input: 8, cached_input: 32, output: 2 },
  TGI: { input: 17, output: 2 },
  'llama.cpp': { input: 31, output: 2 },
  "Ollama's /v1": { input: 26, output: 5 },
  'a server with usage in every chunk': { input: 5, output: 2 },
  'a server with usage in its last choice': { input: 5, output: 1 },
};

describe('a stream', () => {
  it.each(CHAT_STREAMS)(
    'of $server is read by the official client and counted once',
    async ({ server, events }) => {
      model.answer = stream(events);
      const chunks = await all(await gateway.openai().chat.completions.create(STREAM));
      expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).not.toBe('');
      expect(await counted(1)).toMatchObject([
        { operation: 'chat', quantities: QUANTITIES[server], usage_source: 'reported' },
      ]);
    },
  );

  it.each([
    { server: ANTHROPIC, path: '/v1/messages', quantities: { input: 25, cached_input: 100, output: 15 } },
    { server: RESPONSES, path: '/v1/responses', quantities: { input: 12, output: 2 } },
  ])('of $server.server is counted once', async ({ server, path, quantities }) => {
    model.answer = stream(server.events);
    await call(gateway, { path, body: { ...STREAM, max_tokens: 100 } });
    expect(await counted(1)).toMatchObject([{ quantities, usage_source: 'reported' }]);
  });

  const estimated = { quantities: { input: 7, output: 3 }, usage_source: 'estimated' };

  it('that the server cuts is counted once, as estimated', async () => {
    model.answer = cutStream(HALF);
    await cutOff(await open(gateway, { body: STREAM }));
    expect(await counted(1)).toMatchObject([estimated]);
  });

  it('whose caller hangs up is counted once, as estimated', async () => {
    model.answer = stalledStream(HALF);
    const response = await open(gateway, { body: STREAM });
    await untilCame(response, HALF.join(''));
    response.destroy();
    await until('the server sees it', () => model.asked[0]?.isCancelled === true);
    expect(await counted(1)).toMatchObject([estimated]);
  });

  it('without usage is counted once, as estimated', async () => {
    model.answer = stream([...HALF, 'data: [DONE]\n\n']);
    await all(await gateway.openai().chat.completions.create(STREAM));
    expect(await counted(1)).toMatchObject([estimated]);
  });
});

describe('an answer', () => {
  const answers: { path: string; answer: Answer; quantities: object; source?: string }[] = [
    {
      path: '/v1/embeddings',
      answer: json({ data: [], usage: { prompt_tokens: 8, total_tokens: 8 } }),
      quantities: { input: 8 },
    },
    {
      path: '/v1/rerank',
      answer: json({ results: [], usage: { total_tokens: 56 } }),
      quantities: { input: 56 },
    },
    {
      path: '/v1/audio/transcriptions',
      answer: json({ text: 'Hi', usage: { type: 'duration', seconds: 9 } }),
      quantities: { input_second: 9 },
    },
    {
      path: '/v1/audio/speech',
      answer: (response) => response.writeHead(200, { 'content-type': 'audio/mpeg' }).end('sound'),
      quantities: { input_character: 5 },
      source: 'estimated',
    },
    {
      path: '/v1/images/generations',
      answer: json({ data: [{ url: 'a' }, { url: 'b' }] }),
      quantities: { image: 2 },
      source: 'estimated',
    },
    {
      path: '/v1/chat/completions',
      answer: json({ choices: [], timings: { prompt_n: 4, cache_n: 1, predicted_n: 2, predicted_ms: 3.5 } }),
      quantities: { input: 4, cached_input: 1, output: 2 },
    },
  ];

  it.each(answers)(
    'of $path with $quantities is counted once',
    async ({ path, answer, quantities, source }) => {
      model.answer = answer;
      expect((await call(gateway, { path, body: { ...CHAT, input: 'Hello', query: 'x' } })).status).toBe(200);
      expect(await counted(1)).toMatchObject([{ quantities, usage_source: source ?? 'reported' }]);
    },
  );

  it.each([
    { what: 'an error', answer: json({ error: { message: 'no' } }, 500) },
    { what: 'an error in place of an answer', answer: json({ error: { message: 'no' } }) },
    {
      what: 'nothing',
      answer: (response: { socket: { destroy(): void } | null }) => response.socket?.destroy(),
    },
  ])('that is $what is not counted', async ({ answer }) => {
    model.answer = answer;
    await call(gateway, { body: CHAT });
    expect(await counted(0)).toEqual([]);
  });
});

describe('many requests at once', () => {
  it.each(['false', 'true'])(
    'are each counted once, whatever ends them (GATEWAY_LEASES=%s)',
    async (leases) => {
      await gateway.close();
      gateway = await start({ GATEWAY_LEASES: leases, REDIS_URL: app.redis.url });
      const endings: Answer[] = [
        stream(VLLM.events),
        cutStream(HALF),
        json({ error: { message: 'no' } }, 503),
      ];
      let count = 0;
      model.answer = (response, asked) => endings[count++ % endings.length]!(response, asked);
      const calls = Array.from({ length: 60 }, async () => {
        const response = await open(gateway, { body: { ...STREAM, max_tokens: 20 } });
        response.resume();
        await new Promise((resolve) => response.once('close', resolve));
      });
      await Promise.all(calls);
      const events = await counted(40);
      const bySource = (source: string) =>
        events.filter(({ usage_source }) => usage_source === source).length;
      expect([events.length, bySource('reported'), bySource('estimated')]).toEqual([40, 20, 20]);
    },
  );
});

describe('a request that Tally refuses', () => {
  it.each([
    { body: { ...CHAT, model: 'm'.repeat(257) }, param: 'model' },
    { body: { ...CHAT, model: 'a\nb' }, param: 'model' },
    { body: { ...CHAT, max_tokens: 3_000_000_000 }, param: 'max_tokens' },
  ])('for the $param that its caller chose is a 400 that names it', async ({ body, param }) => {
    const error = await errorOf(gateway.openai().chat.completions.create(body));
    expect(error).toMatchObject({ status: 400, param, type: 'invalid_request_error' });
    expect(model.asked).toEqual([]);
  });

  it('for a model without a price is a 404 that no client repeats', async () => {
    const error = await errorOf(gateway.openai().chat.completions.create({ ...CHAT, model: 'unpriced' }));
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' });
    expect(gateway.requests).toHaveLength(1);
  });

  it('at a limit is a 429 with the headers of Tally, once', async () => {
    await app.limit(entity, { monthly_cap_usd: '0' });
    const error = await errorOf(gateway.openai().chat.completions.create(STREAM));
    expect(error).toMatchObject({ status: 429, code: 'insufficient_quota' });
    expect(error.headers?.get('x-should-retry')).toBe('false');
    expect(error.headers?.get('x-quota-limit')).toBe('entity_monthly_cap');
    expect(gateway.requests).toHaveLength(1);
    expect(model.asked).toEqual([]);
  });
});
