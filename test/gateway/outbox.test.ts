/** A gateway with an outbox on disk, in front of the real service: killed at the worst moment, it still charges everything once. */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OpenAI } from 'openai';
import { pino } from 'pino';
import { TallyClient } from '../../packages/client/src/tally-client.js';
import { Metering } from '../../packages/gateway/src/metering.js';
import { Clock } from '../../src/platform/clock.js';
import { anApp, type TestApp } from '../support/app.js';
import { aFakeTally } from '../support/fake-tally.js';
import { aFaultProxy, through, type FaultProxy } from '../support/fault-proxy.js';
import { startGatewayProcess, urlOf, type GatewayProcess } from '../support/gateway-process.js';
import { CALLER_KEY, CHAT_MODEL } from '../support/gateway.js';
import { until } from '../support/until.js';

const chat = { model: CHAT_MODEL, messages: [{ role: 'user' as const, content: 'Hello' }], max_tokens: 10 };

describe('a gateway with GATEWAY_OUTBOX_DIR', () => {
  let app: TestApp;
  let redis: FaultProxy;
  let directory: string;
  let apiKey: string;
  const processes: GatewayProcess[] = [];

  beforeEach(async () => {
    app = await anApp({ role: 'all', clock: new Clock() });
    redis = await aFaultProxy(new URL(app.redis.url));
    directory = await mkdtemp(join(tmpdir(), 'tally-outbox-'));
    apiKey = await app.key('gateway');
    await app.limit('entity1', { overage: 'allowed' });
  });

  afterEach(async () => {
    for (const process of processes.splice(0)) process.kill('SIGKILL');
    await redis.close();
    await app.close();
    await rm(directory, { recursive: true });
  });

  function start(): GatewayProcess {
    const process = startGatewayProcess(
      { url: app.url, apiKey },
      {
        GATEWAY_KEYS: `${CALLER_KEY}:entity1`,
        GATEWAY_OUTBOX_DIR: directory,
        REDIS_URL: through(redis, app.redis.url),
      },
    );
    processes.push(process);
    return process;
  }

  async function recordsOnDisk(): Promise<string> {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.segment'));
    // The gateway deletes a file as soon as all of its events are in the queue.
    const files = await Promise.all(
      names.map((name) => readFile(join(directory, name), 'utf8').catch(() => '')),
    );
    return files.join('');
  }

  async function counted() {
    const { body } = await app.call('GET /v1/entities/entity1/usage');
    return { requests: body.data[0]?.requests ?? 0, outputTokens: body.data[0]?.output_tokens ?? 0 };
  }

  it('that is killed while Redis is down charges everything once after its next start', async () => {
    const first = start();
    const openai = new OpenAI({ baseURL: `${await urlOf(first)}/v1`, apiKey: CALLER_KEY });
    await openai.chat.completions.create(chat);
    await until('the first is counted', async () => (await counted()).requests === 1);
    await redis.cut();
    const completions = await Promise.all(
      Array.from({ length: 20 }, () => openai.chat.completions.create(chat)),
    );
    await until('all are on disk', async () => {
      const records = await recordsOnDisk();
      return completions.every(({ id }) => records.includes(id));
    });
    first.kill('SIGKILL');
    await once(first, 'exit');
    expect(await counted()).toEqual({ requests: 1, outputTokens: 10 });

    await redis.mend();
    start();
    await until('all are counted', async () => (await counted()).requests >= 21);
    await until('the outbox is empty', async () => (await recordsOnDisk()) === '');
    expect(await counted()).toEqual({ requests: 21, outputTokens: 210 });
    const balance = await app.call('GET /v1/entities/entity1/balance');
    expect(balance.body.held_usd).toBe('0');
    expect((await app.call('GET /v1/admin/reconciliation')).body.ok).toBe(true);
  });

  it('refuses to start where another one keeps its events, with one line that says so', async () => {
    await urlOf(start());
    const second = start();
    const [output, [code]] = await Promise.all([text(second.stderr), once(second, 'exit')]);
    expect(code).toBe(1);
    expect(output.trim()).toBe(`Another process keeps its usage events in ${directory}`);
  });
});

describe('a gateway whose outbox is almost full', () => {
  it('answers 503 before it asks Tally, rather than running what it could not charge', async () => {
    const tally = await aFakeTally();
    const metering = new Metering({
      quota: new TallyClient({ baseUrl: tally.url, apiKey: tally.apiKey }),
      reporter: { report: async () => {}, fillRatio: () => 0.95, close: async () => {} },
      gatewayId: 'test-1',
      holdTtlSeconds: 60,
      now: () => new Date(),
      logger: pino({ level: 'silent' }),
    });
    const call = {
      operation: 'chat' as const,
      eventId: 'chatcmpl-1',
      requestId: 'req_1',
      trace: { traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-00` },
      project: 'entity1/project1',
      apiKeyId: 'key_1',
      model: CHAT_MODEL,
      inputTokens: 1,
    };
    let hasRun = false;
    const run = metering.run(call, async () => {
      hasRun = true;
      return { answer: null, usage: {}, usageSource: 'reported' };
    });
    await expect(run).rejects.toMatchObject({ facts: { status: 503, code: 'overloaded' } });
    expect([hasRun, tally.requestCount]).toEqual([false, 0]);
    await tally.stop();
  });
});
