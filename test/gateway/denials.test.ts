/** When Tally denies, or something behind the gateway fails: the right exception, and no charge. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InternalServerError, RateLimitError } from 'openai';
import { CannedModel } from '../../packages/gateway/src/canned-model.js';
import {
  aFakeTally,
  anError,
  CREDITS_GONE,
  TOO_MANY_AT_ONCE,
  type FakeTally,
} from '../support/fake-tally.js';
import {
  aGateway,
  CALLER_KEY,
  CHAT_MODEL,
  EMBEDDINGS_MODEL,
  errorOf,
  type TestGateway,
} from '../support/gateway.js';

const RESERVATIONS = /\/reservations$/;
const chat = { model: CHAT_MODEL, messages: [{ role: 'user' as const, content: 'Hello' }] };

let tally: FakeTally;
let gateway: TestGateway;

beforeEach(async () => {
  tally = await aFakeTally();
  gateway = await aGateway(tally);
});

afterEach(async () => {
  await gateway.close();
  await tally.stop();
});

describe('a denial by Tally', () => {
  it('reaches the caller unchanged, and the client does not retry, when credits are used up', async () => {
    tally.refuseNext(RESERVATIONS, CREDITS_GONE, 5);
    const error = await errorOf(gateway.openai().chat.completions.create(chat));
    expect(error).toBeInstanceOf(RateLimitError);
    expect({ error: error.error }).toEqual(CREDITS_GONE.body);
    expect(error.headers?.get('x-should-retry')).toBe('false');
    expect(error.headers?.get('x-quota-limit')).toBe('credits');
    expect(error.headers?.get('retry-after')).toBeNull();
    expect(gateway.requests).toHaveLength(1);
    expect(tally.requestCount).toBe(1);
  });

  it('is the same for a stream and for embeddings', async () => {
    tally.refuseNext(RESERVATIONS, CREDITS_GONE, 2);
    const openai = gateway.openai();
    const stream = await errorOf(openai.chat.completions.create({ ...chat, stream: true }));
    const embeddings = await errorOf(openai.embeddings.create({ model: EMBEDDINGS_MODEL, input: 'x' }));
    expect({ error: stream.error }).toEqual(CREDITS_GONE.body);
    expect({ error: embeddings.error }).toEqual(CREDITS_GONE.body);
    expect(gateway.requests).toHaveLength(2);
  });

  it('is passed on with its own status', async () => {
    tally.refuseNext(RESERVATIONS, { ...CREDITS_GONE, status: 402 });
    const error = await errorOf(gateway.openai().chat.completions.create(chat));
    expect(error.status).toBe(402);
    expect({ error: error.error }).toEqual(CREDITS_GONE.body);
    expect(gateway.requests).toHaveLength(1);
  });

  it('is retried by the client, and succeeds, when other requests were in the way', async () => {
    tally.refuseNext(RESERVATIONS, TOO_MANY_AT_ONCE, 2);
    const completion = await gateway.openai().chat.completions.create(chat);
    await tally.until(() => tally.events.length === 1);
    expect(gateway.requests.map(({ status }) => status)).toEqual([429, 429, 200]);
    expect(gateway.requests[0]?.headers.get('retry-after')).toBe('1');
    expect(gateway.requests[0]?.headers.get('retry-after-ms')).toBe('20');
    expect(gateway.requests[0]?.headers.get('x-quota-limit')).toBe('concurrency');
    expect(tally.events[0]?.id).toBe(completion.id);
  });

  it('is a RateLimitError when the requests stay in the way', async () => {
    tally.refuseNext(RESERVATIONS, TOO_MANY_AT_ONCE, 3);
    const error = await errorOf(gateway.openai().chat.completions.create(chat));
    expect(error).toBeInstanceOf(RateLimitError);
    expect({ error: error.error }).toEqual(TOO_MANY_AT_ONCE.body);
    expect(gateway.requests).toHaveLength(3);
  });
});

describe('trouble behind the gateway', () => {
  it.each(['hang up' as const, { status: 502, body: '<html>Bad gateway</html>' }])(
    'answers 503 and admits nobody when Tally is unreachable (%j)',
    async (answer) => {
      tally.refuseNext(RESERVATIONS, answer, 2);
      const error = await errorOf(gateway.openai().chat.completions.create(chat, { maxRetries: 0 }));
      expect(error).toBeInstanceOf(InternalServerError);
      expect(error).toMatchObject({ status: 503, code: 'overloaded', type: 'server_error' });
      expect(error.headers?.get('retry-after')).toBe('1');
      expect(tally.events).toEqual([]);
    },
  );

  it("passes on Tally's own 500", async () => {
    const body = anError(
      'The server had an error while processing your request',
      'server_error',
      'internal_error',
    );
    tally.refuseNext(RESERVATIONS, { status: 500, body });
    const error = await errorOf(gateway.openai().chat.completions.create(chat, { maxRetries: 0 }));
    expect(error).toBeInstanceOf(InternalServerError);
    expect({ error: error.error }).toEqual(body);
  });

  it("does not blame the caller for the gateway's own bad key", async () => {
    const misconfigured = await aGateway({ url: tally.url, apiKey: 'wrong' });
    const error = await errorOf(misconfigured.openai().chat.completions.create(chat, { maxRetries: 0 }));
    await misconfigured.close();
    expect(error).toMatchObject({ status: 500, code: 'internal_error' });
    expect(misconfigured.logLines.join('')).toContain('Invalid Authentication');
  });

  it.each([{ stream: false }, { stream: true }])(
    'releases the hold when the model fails, stream: $stream',
    async ({ stream }) => {
      class BrokenModel extends CannedModel {
        override complete(): never {
          throw new Error('out of memory');
        }
        override stream(): never {
          throw new Error('out of memory');
        }
      }
      const broken = await aGateway(tally, { deps: { model: new BrokenModel({ capacity: 1, delayMs: 0 }) } });
      const error = await errorOf(
        broken.openai().chat.completions.create({ ...chat, stream }, { maxRetries: 0 }),
      );
      await broken.close();
      expect(error).toBeInstanceOf(InternalServerError);
      expect(error.error).toEqual({
        message: 'The server had an error while processing your request',
        type: 'server_error',
        param: null,
        code: 'internal_error',
      });
      expect(tally.released).toEqual([tally.reservations[0]?.id]);
      expect(tally.events).toEqual([]);
    },
  );

  it('sends an error inside the stream, and charges nothing, when the model fails in the middle', async () => {
    class FailingModel extends CannedModel {
      override async *stream(...request: Parameters<CannedModel['stream']>) {
        let chunkCount = 0;
        for await (const chunk of super.stream(...request)) {
          if (++chunkCount === 4) throw new Error('out of memory');
          yield chunk;
        }
      }
    }
    const failing = await aGateway(tally, { deps: { model: new FailingModel({ capacity: 1, delayMs: 0 }) } });
    const stream = await failing.openai().chat.completions.create({ ...chat, stream: true });
    const seen: string[] = [];
    const read = async () => {
      for await (const chunk of stream) seen.push(chunk.choices[0]?.delta.content ?? '');
    };
    const error = await errorOf(read());
    await failing.close();
    expect(seen).toHaveLength(3);
    expect(error.message).toBe('The server had an error while processing your request');
    expect(tally.released).toHaveLength(1);
    expect(tally.events).toEqual([]);
    expect(failing.logLines.join('')).toContain('out of memory');
  });

  it('answers 503 and releases the hold when the model is at capacity, and serves again when it is not', async () => {
    const small = await aGateway(tally, {
      env: { GATEWAY_MODEL_CAPACITY: '1', GATEWAY_MODEL_DELAY_MS: '3600000' },
    });
    const openai = small.openai();
    const running = await openai.chat.completions.create({ ...chat, stream: true });
    const refused = await errorOf(openai.chat.completions.create(chat, { maxRetries: 0 }));
    expect(refused).toBeInstanceOf(InternalServerError);
    expect(refused).toMatchObject({ status: 503, code: 'overloaded', type: 'server_error' });
    expect(refused.message).toContain('The engine is currently overloaded, please try again later');
    expect(tally.released).toEqual([tally.reservations[1]?.id]);

    running.controller.abort();
    await tally.until(() => tally.events.length === 1);
    const next = await openai.chat.completions.create({ ...chat, stream: true });
    next.controller.abort();
    await tally.until(() => tally.events.length === 2);
    await small.close();
  });
});

describe('the log', () => {
  it('has one line per request, without keys and contents', async () => {
    const secret = 'the launch code is 0000';
    await gateway
      .openai()
      .chat.completions.create({ ...chat, messages: [{ role: 'user', content: secret }] });
    tally.refuseNext(RESERVATIONS, CREDITS_GONE);
    await errorOf(gateway.openai().chat.completions.create(chat));
    await gateway.close();
    const lines = gateway.answered();
    expect(lines).toEqual([
      expect.objectContaining({
        route: '/v1/chat/completions',
        status: 200,
        project: 'entity1/default',
        limit: null,
      }),
      expect.objectContaining({ route: '/v1/chat/completions', status: 429, limit: 'credits' }),
    ]);
    expect(gateway.logLines.join('')).not.toContain(CALLER_KEY);
    expect(gateway.logLines.join('')).not.toContain(tally.apiKey);
    expect(gateway.logLines.join('')).not.toContain(secret);
    gateway = await aGateway(tally);
  });
});
