/**
 * Portkey's gateway in front of ours: denials reach the client with the headers that stop or delay it, and usage is counted. Its streams are
 * not tried: this version answers 500 to every stream under Node 20, whatever server is behind it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OpenAI, RateLimitError } from 'openai';
import { freePort } from '../../../src/platform/embedded/server-process.js';
import { CALLER_KEY, CHAT_MODEL, errorOf } from '../../support/gateway.js';
import { VLLM } from '../../support/model-answers.js';
import { json, stalledStream } from '../../support/model-server.js';
import { open } from '../../support/proxy.js';
import { until } from '../../support/until.js';
import { aGatewayWorld, ENTITY, programs, type GatewayWorld } from './world.js';

const chat = { model: CHAT_MODEL, messages: [{ role: 'user' as const, content: 'Hello' }], max_tokens: 10 };

let world: GatewayWorld;
let portkey: ChildProcess;
let openai: OpenAI;
let requestCount = 0;

beforeAll(async () => {
  world = await aGatewayWorld();
  const main = join(await programs(), 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const port = await freePort();
  portkey = spawn(process.execPath, [main, `--port=${port}`, '--headless'], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await until('Portkey answers', () =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  openai = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: CALLER_KEY,
    defaultHeaders: { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${world.gateway.url}/v1` },
    fetch: (input, init) => {
      requestCount += 1;
      return fetch(input, init);
    },
    logLevel: 'off',
  });
});

afterAll(async () => {
  const ended = once(portkey, 'exit');
  portkey.kill();
  await ended;
  await world.close();
});

describe("behind Portkey's gateway", () => {
  it('an answer is counted once', async () => {
    const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };
    world.model.answer = json({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
      usage,
    });
    expect((await openai.chat.completions.create(chat)).usage).toEqual(usage);
    expect(await world.counted(1)).toEqual([{ input: 9, output: 3 }]);
  });

  it('a denial at a limit is one request, with the status, the code and the headers of Tally', async () => {
    await world.app.limit(ENTITY, { monthly_cap_usd: '0' });
    requestCount = 0;
    const error = await errorOf(openai.chat.completions.create(chat));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ status: 429, code: 'insufficient_quota', type: 'insufficient_quota' });
    expect(error.headers?.get('x-should-retry')).toBe('false');
    expect(error.headers?.get('x-quota-limit')).toBe('entity_monthly_cap');
    expect(error.headers?.get('x-request-id')).toMatch(/^req_/);
    expect(error.headers?.get('retry-after')).toBeNull();
    expect(requestCount).toBe(1);
  });

  it('a denial that passes says how long to wait', async () => {
    const limits = { monthly_cap_usd: null, overage: 'allowed', max_concurrent_requests: 1 };
    await world.app.limit(ENTITY, limits);
    world.model.answer = stalledStream(VLLM.events.slice(0, 3));
    const running = await open(world.gateway, { body: { ...chat, stream: true } });
    const error = await errorOf(openai.chat.completions.create(chat, { maxRetries: 0 }));
    expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect(error.headers?.get('retry-after')).toBe('1');
    expect(error.headers?.get('retry-after-ms')).toBe('1000');
    expect(error.headers?.get('x-quota-limit')).toBe('concurrency');
    running.destroy();
    await world.counted(2);
  });
});
