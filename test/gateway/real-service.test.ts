/** The official client, the reference gateway and the real service together: what a caller is promised holds end to end. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { APIError, RateLimitError } from 'openai';
import { formatUsd } from '@tally/client/protocol';
import { Clock } from '../../src/platform/clock.js';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';
import { query } from '../support/data-dir.js';
import {
  aGateway,
  all,
  CALLER_KEY,
  CHAT_MODEL,
  EMBEDDINGS_MODEL,
  errorOf,
  type TestGateway,
} from '../support/gateway.js';
import { until } from '../support/until.js';

const messages = [{ role: 'user' as const, content: 'What does a token cost?' }];
/** 10 tokens of prompt and at most 10 of answer: a hold of 20 tokens, which is also what it costs. */
const chat = { model: CHAT_MODEL, messages, max_tokens: 10 };
const CHAT_TOKENS = 20;
const ENDLESS = { GATEWAY_MODEL_DELAY_MS: '3600000' };
const BGE_PICOS_PER_TOKEN = 10_000n;

const costUsd = (tokens: number, picosPerToken = LLAMA_PICOS_PER_TOKEN) =>
  formatUsd(BigInt(tokens) * picosPerToken);

/** Each test has an entity of its own, a gateway for it, and ends with nothing held and the books in order. */
class Scene {
  gateways: TestGateway[] = [];

  constructor(
    readonly app: TestApp,
    readonly apiKey: string,
    readonly entity: string,
  ) {}

  async gateway(env: Record<string, string> = {}): Promise<TestGateway> {
    const gateway = await aGateway(
      { url: this.app.url, apiKey: this.apiKey },
      { env: { GATEWAY_KEYS: `${CALLER_KEY}:${this.entity}`, ...env } },
    );
    this.gateways.push(gateway);
    return gateway;
  }

  async buy(amountUsd: string): Promise<void> {
    await this.app.call(`PUT /v1/admin/entities/${this.entity}`, { body: { plan: 'free' } });
    const path = `POST /v1/admin/entities/${this.entity}/credits`;
    const { status } = await this.app.call(path, { body: { amount_usd: amountUsd } });
    expect(status).toBe(201);
  }

  async limit(limits: object): Promise<void> {
    const { status } = await this.app.limit(this.entity, limits);
    expect(status).toBe(200);
  }

  async balance(): Promise<Record<string, unknown>> {
    return (await this.app.call(`GET /v1/entities/${this.entity}/balance`)).body;
  }

  /** Waits until exactly this much is charged and nothing is held. */
  async charged(usd: string): Promise<void> {
    const key = async () => {
      const { month_to_date_usd, held_usd } = await this.balance();
      return `${String(month_to_date_usd)} charged, ${String(held_usd)} held`;
    };
    await until(`${usd} charged and nothing held`, async () => (await key()) === `${usd} charged, 0 held`);
  }

  events(): Promise<Record<string, unknown>[]> {
    const sql = `select id, usage_source, output_tokens::int as output_tokens from rated_events
      where entity = '${this.entity}' order by occurred_at`;
    return query(this.app.postgres.url, sql);
  }

  async end(): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway.close()));
    // An entity that nothing was asked for does not exist.
    const held = async () => (await this.balance())['held_usd'] ?? '0';
    await until('nothing is held', async () => (await held()) === '0');
    const { body } = await this.app.call('GET /v1/admin/reconciliation');
    expect(body).toMatchObject({ object: 'reconciliation', ok: true });
  }
}

let app: TestApp;
let apiKey: string;
let scene: Scene;
let sceneCount = 0;

beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock() });
  apiKey = await app.key('gateway');
});

afterAll(() => app.close());

beforeEach(() => {
  sceneCount += 1;
  scene = new Scene(app, apiKey, `entity${sceneCount}`);
});

afterEach(() => scene.end());

describe.each(['the queue', 'HTTP'])('with events over %s', (way) => {
  const reporting = (): Record<string, string> => (way === 'HTTP' ? {} : { REDIS_URL: app.redis.url });

  it('a chat completion is charged what the model reported, once', async () => {
    await scene.buy('1');
    const gateway = await scene.gateway(reporting());
    const { usage, id } = await gateway.openai().chat.completions.create(chat);
    expect(usage?.total_tokens).toBe(CHAT_TOKENS);
    await scene.charged(costUsd(CHAT_TOKENS));
    expect(await scene.events()).toEqual([{ id, usage_source: 'reported', output_tokens: 10 }]);
    expect(await scene.balance()).toMatchObject({
      credits_usd: formatUsd(10n ** 12n - BigInt(CHAT_TOKENS) * LLAMA_PICOS_PER_TOKEN),
      projects: [{ project: 'default', month_to_date_usd: costUsd(CHAT_TOKENS) }],
    });
  });

  it('a request is charged whatever its caller sends as the user', async () => {
    await scene.buy('1');
    const openai = (await scene.gateway(reporting())).openai();
    const users = ['', 'a\nb', '\u0000', '\ud800', 'u_9'];
    for (const user of users) await openai.chat.completions.create({ ...chat, user });
    await scene.charged(costUsd(users.length * CHAT_TOKENS));
    expect(await scene.events()).toHaveLength(users.length);
  });

  it('a stream is charged the same, whether its caller asks for the usage or not', async () => {
    await scene.buy('1');
    const openai = (await scene.gateway(reporting())).openai();
    const quiet = await all(await openai.chat.completions.create({ ...chat, stream: true }));
    expect(quiet.at(-1)?.choices[0]?.finish_reason).toBe('length');
    const stream_options = { include_usage: true };
    const told = await all(await openai.chat.completions.create({ ...chat, stream: true, stream_options }));
    expect(told.at(-1)?.usage?.total_tokens).toBe(CHAT_TOKENS);
    await scene.charged(costUsd(2 * CHAT_TOKENS));
    expect(await scene.events()).toHaveLength(2);
  });

  it('embeddings are charged for their input', async () => {
    await scene.buy('1');
    const openai = (await scene.gateway(reporting())).openai();
    const { data, usage } = await openai.embeddings.create({
      model: EMBEDDINGS_MODEL,
      input: ['a token', 'another token'],
    });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([1024, 1024]);
    await scene.charged(costUsd(usage.total_tokens, BGE_PICOS_PER_TOKEN));
  });

  it('a caller that hangs up in the middle is charged one estimated event', async () => {
    await scene.buy('1');
    const gateway = await scene.gateway({ ...reporting(), GATEWAY_MODEL_DELAY_MS: '20000' });
    const stream = await gateway.openai().chat.completions.create({ ...chat, stream: true });
    let tokenCount = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) tokenCount += 1;
      if (tokenCount === 1) break;
    }
    await until('the event is counted', async () => (await scene.events()).length > 0);
    const [event, ...others] = await scene.events();
    expect(others).toEqual([]);
    expect(event).toMatchObject({ usage_source: 'estimated' });
    expect(Number(event?.['output_tokens'])).toBeGreaterThanOrEqual(1);
    expect(Number(event?.['output_tokens'])).toBeLessThan(10);
    await scene.charged(costUsd(10 + Number(event?.['output_tokens'])));
  });
});

describe('models', () => {
  it('that the gateway offers all have a price', async () => {
    const gateway = await scene.gateway();
    const offered = await all(await gateway.openai().models.list());
    const { body } = await app.call('GET /v1/admin/prices');
    const priced = new Set(body.data.map(({ model }: { model: string }) => model));
    expect(offered).toHaveLength(10);
    expect(offered.filter(({ id }) => !priced.has(id))).toEqual([]);
  });
});

describe('when credits are gone', () => {
  it('one HTTP request gets one RateLimitError that explains itself, and after a purchase the next call passes', async () => {
    await scene.buy(costUsd(CHAT_TOKENS));
    const gateway = await scene.gateway({ REDIS_URL: app.redis.url });
    await gateway.openai().chat.completions.create(chat);
    await scene.charged(costUsd(CHAT_TOKENS));
    gateway.requests.length = 0;

    const error = await errorOf(gateway.openai().chat.completions.create(chat));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({
      status: 429,
      code: 'insufficient_quota',
      type: 'insufficient_quota',
      error: {
        message: 'You exceeded your current quota, please check your plan and billing details',
        details: {
          limit: 'credits',
          scope: scene.entity,
          held_usd: '0',
          limit_usd: '0.0000142',
          spent_usd: '0.0000142',
        },
      },
    });
    expect(error.headers?.get('x-quota-limit')).toBe('credits');
    expect(error.headers?.get('retry-after')).toBeNull();
    expect(gateway.requests).toHaveLength(1);

    await scene.buy('1');
    await gateway.openai().chat.completions.create(chat);
    expect(gateway.requests.map(({ status }) => status)).toEqual([429, 200]);
    await scene.charged(costUsd(2 * CHAT_TOKENS));
  });

  it('a stream and embeddings are denied before anything is sent', async () => {
    const gateway = await scene.gateway();
    const openai = gateway.openai();
    const stream = await errorOf(openai.chat.completions.create({ ...chat, stream: true }));
    const embeddings = await errorOf(openai.embeddings.create({ model: EMBEDDINGS_MODEL, input: 'x' }));
    expect([stream.code, embeddings.code]).toEqual(['insufficient_quota', 'insufficient_quota']);
    expect(gateway.requests).toHaveLength(2);
  });
});

describe('when a cap is reached', () => {
  it('after a cap is raised the next call passes', async () => {
    await scene.limit({ monthly_cap_usd: costUsd(CHAT_TOKENS), overage: 'allowed' });
    const gateway = await scene.gateway({ REDIS_URL: app.redis.url });
    await gateway.openai().chat.completions.create(chat);
    await scene.charged(costUsd(CHAT_TOKENS));

    const error = await errorOf(gateway.openai().chat.completions.create(chat));
    expect(error.error).toMatchObject({
      details: { limit: 'entity_monthly_cap', resets_at: expect.any(Number) },
    });
    await scene.limit({ monthly_cap_usd: costUsd(2 * CHAT_TOKENS) });
    await gateway.openai().chat.completions.create(chat);
    expect(gateway.requests.map(({ status }) => status)).toEqual([200, 429, 200]);
    await scene.charged(costUsd(2 * CHAT_TOKENS));
  });
});

describe('when too many requests are in flight', () => {
  it('the client retries by itself, and passes once there is room', async () => {
    await scene.limit({ monthly_cap_usd: null, overage: 'allowed', max_concurrent_requests: 1 });
    const patient = await scene.gateway(ENDLESS);
    const running = await patient.openai().chat.completions.create({ ...chat, stream: true });
    const gateway = await scene.gateway();
    const second = gateway.openai().chat.completions.create(chat, { maxRetries: 60 });
    await until('the second is denied', () => gateway.requests.length === 1);
    expect(gateway.requests[0]?.headers.get('x-quota-limit')).toBe('concurrency');
    expect(gateway.requests[0]?.headers.get('retry-after-ms')).toBe('1000');
    running.controller.abort();
    expect((await second).usage?.total_tokens).toBe(CHAT_TOKENS);
    const statuses = gateway.requests.map(({ status }) => status);
    expect([statuses[0], statuses.at(-1), new Set(statuses).size]).toEqual([429, 200, 2]);
  });
});

describe('with QUOTA_DENIED_STATUS=402', () => {
  let strict: TestApp;
  beforeAll(async () => {
    strict = await anApp({ role: 'all', clock: new Clock(), environment: { QUOTA_DENIED_STATUS: '402' } });
  });
  afterAll(() => strict.close());

  it('the denial is a 402 that no client retries, with the same body', async () => {
    scene = new Scene(strict, await strict.key('gateway'), 'entity1');
    const gateway = await scene.gateway();
    const error = await errorOf(gateway.openai().chat.completions.create(chat));
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 402, code: 'insufficient_quota', type: 'insufficient_quota' });
    expect(error.error).toMatchObject({ details: { limit: 'credits', scope: 'entity1' } });
    expect(gateway.requests).toHaveLength(1);
  });
});
