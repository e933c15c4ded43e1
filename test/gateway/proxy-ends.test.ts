/** How a request through the gateway ends when its caller, its model server or the gateway does, and what it is charged then. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CREDITS_GONE } from '../support/fake-tally.js';
import { CALLER_KEY } from '../support/gateway.js';
import { ANTHROPIC, VLLM } from '../support/model-answers.js';
import { cutStream, json, stalledStream, stream } from '../support/model-server.js';
import {
  aProxyWorld,
  call,
  charged,
  CHAT,
  closeWorld,
  cutOff,
  HALF,
  HALF_USAGE,
  onlyEvent,
  open,
  restart,
  STREAM,
  untilCame,
  type ProxyWorld,
} from '../support/proxy.js';
import { until } from '../support/until.js';

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld();
});

afterEach(() => closeWorld(world));

const isCancelled = () =>
  until('the server sees the end', () => world.model.asked.at(-1)?.isCancelled === true);

/** The server pauses in the middle of its stream until what this returns is called. */
function pauseInTheMiddle(): () => void {
  let goOn = () => {};
  world.model.answer = async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(HALF.join(''));
    await new Promise<void>((resolve) => (goOn = resolve));
    response.end(VLLM.events.slice(3).join(''));
  };
  return () => goOn();
}

describe('a caller that hangs up', () => {
  it('in the middle of a stream ends the work of the server, and is charged an estimate of what came', async () => {
    world.model.answer = stalledStream(HALF);
    const response = await open(world.gateway, { body: STREAM });
    await untilCame(response, HALF.join(''));
    response.destroy();
    await isCancelled();
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ usage: HALF_USAGE, usage_source: 'estimated' });
    expect(world.tally.released).toEqual([]);
  });

  it('is charged what the server has reported of its input', async () => {
    const events = ANTHROPIC.events.slice(0, 5);
    world.model.answer = stalledStream(events);
    const response = await open(world.gateway, { path: '/v1/messages', body: STREAM });
    await untilCame(response, events.join(''));
    response.destroy();
    await isCancelled();
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({
      usage: { ...ANTHROPIC.usage, output_tokens: 4 },
      usage_source: 'estimated',
    });
  });

  it('is charged what the server reports, where it cannot be stopped (GATEWAY_HANG_UP=finish)', async () => {
    await restart(world, { GATEWAY_HANG_UP: 'finish' });
    const goOn = pauseInTheMiddle();
    const response = await open(world.gateway, { body: STREAM });
    await once(response, 'data');
    response.destroy();
    await until('the gateway sees it', () => world.gateway.answered().length === 1);
    goOn();
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ usage: VLLM.usage, usage_source: 'reported' });
    expect(world.model.asked[0]?.isCancelled).toBe(false);
  });

  it('before a plain answer is charged its prompt', async () => {
    world.model.answer = () => {};
    await hangUpOnceAsked({ path: '/v1/chat/completions', body: CHAT });
    await isCancelled();
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({
      usage: { prompt_tokens: 7, completion_tokens: 0, total_tokens: 7 },
      usage_source: 'estimated',
    });
  });

  it('of what writes no tokens is charged what the server reports', async () => {
    let goOn = () => {};
    world.model.answer = async (response, asked) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      json({ data: [], usage: { prompt_tokens: 8, total_tokens: 8 } })(response, asked);
    };
    await hangUpOnceAsked({ path: '/v1/embeddings', body: { model: 'm', input: 'x' } });
    goOn();
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ usage: { prompt_tokens: 8 }, usage_source: 'reported' });
  });

  it('before Tally has answered pays nothing, and the server is not asked', async () => {
    const controller = new AbortController();
    world.tally.onReservation = async () => {
      controller.abort();
      await until('the gateway sees it', () => world.gateway.answered().length === 1);
    };
    await fetch(`${world.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${CALLER_KEY}` },
      body: JSON.stringify(CHAT),
      signal: controller.signal,
    }).catch(() => {});
    expect(await charged(world)).toEqual([]);
    expect(world.model.asked).toEqual([]);
  });
});

describe('a stream that the server cuts', () => {
  it('is cut for the caller too, with all that came, and charged an estimate of it', async () => {
    world.model.answer = cutStream(HALF);
    const response = await open(world.gateway, { body: STREAM });
    expect(await cutOff(response)).toBe(HALF.join(''));
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ usage: HALF_USAGE, usage_source: 'estimated' });
  });

  it('is not charged with GATEWAY_CUT_STREAMS=free', async () => {
    await restart(world, { GATEWAY_CUT_STREAMS: 'free' });
    world.model.answer = cutStream(HALF);
    await cutOff(await open(world.gateway, { body: STREAM }));
    expect(await charged(world)).toEqual([]);
  });

  it('before any text is not charged', async () => {
    world.model.answer = cutStream(HALF.slice(0, 1));
    await cutOff(await open(world.gateway, { body: STREAM }));
    expect(await charged(world)).toEqual([]);
  });

  it('behind its usage is charged what the server reported', async () => {
    world.model.answer = cutStream(VLLM.events.slice(0, 5));
    await cutOff(await open(world.gateway, { body: STREAM }));
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ usage: VLLM.usage, usage_source: 'reported' });
  });

  it('with an error among its events reaches the caller whole, and is charged what came', async () => {
    const error =
      'data: {"error": {"message": "CUDA error", "type": "InternalServerError", "code": 500}}\n\n';
    const events = [...HALF, error, 'data: [DONE]\n\n'];
    world.model.answer = stream(events);
    const { text: got } = await call(world.gateway, { body: STREAM });
    expect(got).toBe(events.join(''));
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ usage: HALF_USAGE, usage_source: 'estimated' });
  });

  it('with an error as its first event is not charged', async () => {
    world.model.answer = stream([
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n',
    ]);
    await call(world.gateway, { path: '/v1/messages', body: STREAM });
    expect(await charged(world)).toEqual([]);
  });
});

describe('a denial', () => {
  it('of Tally reaches the caller as it is, and the server is not asked', async () => {
    const headers = { ...CREDITS_GONE.headers, 'x-request-id': 'tally_1' };
    world.tally.refuseNext(/reservations$/, { ...CREDITS_GONE, headers });
    const got = await call(world.gateway, { body: STREAM });
    expect(got.status).toBe(429);
    expect(got.headers).toMatchObject({ 'x-should-retry': 'false', 'x-quota-limit': 'credits' });
    expect(got.headers['x-request-id']).toMatch(/^req_/);
    expect(got.text).toBe(JSON.stringify(CREDITS_GONE.body));
    expect(world.model.asked).toEqual([]);
  });
});

describe('a long stream', () => {
  it('keeps its hold until it ends', async () => {
    await restart(world, {}, { holdTtlSeconds: 0.3 });
    world.model.answer = stalledStream(HALF);
    const response = await open(world.gateway, { body: STREAM });
    response.resume();
    await world.tally.until(() => world.tally.extended.length >= 3);
    response.destroy();
    expect(new Set(world.tally.extended.map(({ id }) => id))).toEqual(
      new Set([world.tally.reservations[0]?.id]),
    );
    await onlyEvent(world.tally, world.gateway);
  });
});

describe('a shutdown', () => {
  it('lets a stream finish and delivers its event first', async () => {
    const goOn = pauseInTheMiddle();
    const response = await open(world.gateway, { body: STREAM });
    const whole = text(response);
    await until('the server is asked', () => world.model.asked.length === 1);
    const closed = world.gateway.close().then(() => world.tally.events.length);
    goOn();
    expect(await whole).toContain('[DONE]');
    expect(await closed).toBe(1);
    expect(world.tally.events[0]?.data.usage).toEqual(VLLM.usage);
  });

  it.each(['stop', 'finish'])(
    'cuts a stream that takes longer, and charges what came (%s)',
    async (hangUp) => {
      await restart(world, { GATEWAY_HANG_UP: hangUp }, { drainMs: 50 });
      world.model.answer = stalledStream(HALF);
      const response = await open(world.gateway, { body: STREAM });
      const got = cutOff(response);
      await world.gateway.close();
      expect(await got).toBe(HALF.join(''));
      await isCancelled();
      expect(world.tally.events.map(({ data }) => data)).toMatchObject([
        { usage: HALF_USAGE, usage_source: 'estimated' },
      ]);
    },
  );

  it('that ends embeddings before their answer charges nothing', async () => {
    await restart(world, {}, { drainMs: 50 });
    world.model.answer = () => {};
    open(world.gateway, { path: '/v1/embeddings', body: { model: 'm', input: 'x' } }).catch(() => {});
    await until('the server is asked', () => world.model.asked.length === 1);
    await world.gateway.close();
    expect(await charged(world)).toEqual([]);
  });
});

/** Hangs up while the server has the request and has answered nothing. */
async function hangUpOnceAsked({ path, body }: { path: string; body: object }): Promise<void> {
  const controller = new AbortController();
  const sending = fetch(`${world.gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CALLER_KEY}` },
    body: JSON.stringify(body),
    signal: controller.signal,
  }).catch(() => {});
  await until('the server is asked', () => world.model.asked.length === 1);
  controller.abort();
  await sending;
  await until('the gateway sees it', () => world.gateway.answered().length === 1);
}
