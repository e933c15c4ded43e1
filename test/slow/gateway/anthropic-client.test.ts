/** Anthropic's official client through the gateway: its key, its streams and its errors. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CALLER_KEY, CHAT_MODEL } from '../../support/gateway.js';
import { ANTHROPIC } from '../../support/model-answers.js';
import { json, stream } from '../../support/model-server.js';
import { aGatewayWorld, ENTITY, programs, type GatewayWorld } from './world.js';

/** What of the client is used here; it is installed for this test alone. */
type Anthropic = {
  readonly messages: {
    create(order: object): Promise<{ content: { text?: string }[]; usage: object }>;
    stream(order: object): { finalMessage(): Promise<{ content: { text?: string }[]; usage: object }> };
  };
};
type AnthropicClass = new (options: object) => Anthropic;

const order = { model: CHAT_MODEL, max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };
const quantities = { input: 25, cached_input: 100, output: 15 };

let world: GatewayWorld;
let anthropic: Anthropic;
let requestCount = 0;

beforeAll(async () => {
  world = await aGatewayWorld();
  const file = join(await programs(), 'node_modules/@anthropic-ai/sdk/index.mjs');
  const { default: Client } = (await import(pathToFileURL(file).href)) as { default: AnthropicClass };
  anthropic = new Client({
    baseURL: world.gateway.url,
    apiKey: CALLER_KEY,
    fetch: (input: string, init: RequestInit) => {
      requestCount += 1;
      return fetch(input, init);
    },
  });
});

afterAll(() => world.close());

describe("Anthropic's client", () => {
  it('gets a message and a stream, and each is counted once', async () => {
    const message = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'Hi' }],
    };
    world.model.answer = json({ ...message, usage: ANTHROPIC.usage });
    expect((await anthropic.messages.create(order)).content[0]?.text).toBe('Hi');
    world.model.answer = stream(ANTHROPIC.events);
    const final = await anthropic.messages.stream(order).finalMessage();
    expect(final.content[0]?.text).toBe('Hello, caller');
    expect(await world.counted(2)).toEqual([quantities, quantities]);
    expect(world.model.asked.map(({ url }) => url)).toEqual(['/v1/messages', '/v1/messages']);
    expect(JSON.stringify(world.model.asked.map(({ headers }) => headers))).not.toContain(CALLER_KEY);
  });

  it('raises a denial at a limit after one request', async () => {
    await world.app.limit(ENTITY, { monthly_cap_usd: '0' });
    requestCount = 0;
    const error = await anthropic.messages.create(order).catch((error: unknown) => error);
    expect(error).toMatchObject({ status: 429, error: { error: { code: 'insufficient_quota' } } });
    expect(requestCount).toBe(1);
  });
});
