/** A stream that is cut, by its caller or by a shutdown, is charged once for what was generated. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import { aGateway, all, CALLER_KEY, CHAT_MODEL, type TestGateway } from '../support/gateway.js';

const chat = { model: CHAT_MODEL, messages: [{ role: 'user' as const, content: 'Go on and on' }] };
const SLOW = { GATEWAY_MODEL_DELAY_MS: '1000' };
const ENDLESS = { GATEWAY_MODEL_DELAY_MS: '3600000' };
const CUT_SHORT = { GATEWAY_MODEL_DELAY_MS: '20000' };

let tally: FakeTally;
let gateway: TestGateway;

beforeEach(async () => {
  tally = await aFakeTally();
});

afterEach(async () => {
  await gateway.close();
  await tally.stop();
});

describe('a caller who hangs up in the middle of a stream', () => {
  it('is charged once, with an estimate of what was generated until then', async () => {
    gateway = await aGateway(tally, { env: CUT_SHORT });
    const stream = await gateway.openai().chat.completions.create({ ...chat, stream: true });
    let id = '';
    let tokenCount = 0;
    for await (const chunk of stream) {
      id = chunk.id;
      if (chunk.choices[0]?.delta.content) tokenCount += 1;
      if (tokenCount === 3) break;
    }
    await tally.until(() => tally.events.length > 0);
    await gateway.close();

    expect(tally.events).toHaveLength(1);
    const [event] = tally.events;
    expect(event).toMatchObject({
      id,
      data: { usage_source: 'estimated', reservation_id: tally.reservations[0]?.id },
    });
    const usage = event?.data.usage;
    const completionTokens = usage?.completion_tokens ?? 0;
    expect(usage?.prompt_tokens).toBe(tally.reservations[0]?.input_tokens);
    expect(completionTokens).toBeGreaterThanOrEqual(3);
    expect(completionTokens).toBeLessThan(24);
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + completionTokens);
    expect(tally.released).toEqual([]);
    expect(gateway.answered()).toEqual([expect.objectContaining({ hung_up: true })]);
  });

  it('frees the model at once, however long it would have run', async () => {
    gateway = await aGateway(tally, { env: { ...ENDLESS, GATEWAY_MODEL_CAPACITY: '1' } });
    for (let round = 1; round <= 3; round += 1) {
      const stream = await gateway
        .openai()
        .chat.completions.create({ ...chat, stream: true }, { maxRetries: 0 });
      stream.controller.abort();
      await tally.until(() => tally.events.length === round);
    }
    expect(new Set(tally.events.map(({ id }) => id)).size).toBe(3);
  });

  it('pays nothing when Tally had not answered yet, since the model never ran', async () => {
    gateway = await aGateway(tally, { env: ENDLESS });
    const caller = request(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${CALLER_KEY}`, 'content-type': 'application/json' },
    });
    caller.on('error', () => {});
    // The gateway has seen the end of the connection when a newer one gets an answer.
    tally.onReservation = async () => {
      caller.destroy();
      await gateway.openai().models.list();
    };
    caller.end(JSON.stringify({ ...chat, stream: true }));
    await tally.until(() => tally.released.length === 1);
    await gateway.close();
    expect(tally.events).toEqual([]);
  });
});

describe('a long stream', () => {
  it('keeps its hold alive until it ends', async () => {
    gateway = await aGateway(tally, { env: ENDLESS, deps: { holdTtlSeconds: 0.3 } });
    const stream = await gateway.openai().chat.completions.create({ ...chat, stream: true });
    await tally.until(() => tally.extended.length >= 3);
    stream.controller.abort();
    await tally.until(() => tally.events.length === 1);
    expect(new Set(tally.extended.map(({ id }) => id))).toEqual(new Set([tally.reservations[0]?.id]));
  });
});

describe('a shutdown', () => {
  it('lets a stream finish and delivers its event first', async () => {
    gateway = await aGateway(tally, { env: SLOW });
    const stream = await gateway.openai().chat.completions.create({ ...chat, stream: true });
    const closed = gateway.close().then(() => tally.events.length);
    const chunks = await all(stream);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(await closed).toBe(1);
    expect(tally.events[0]?.data.usage_source).toBe('reported');
  });

  it('cuts a stream that does not finish in time, and still delivers its event', async () => {
    gateway = await aGateway(tally, { env: ENDLESS, deps: { drainMs: 50 } });
    const stream = await gateway.openai().chat.completions.create({ ...chat, stream: true });
    const read = all(stream).then(
      () => 'to the end',
      () => 'cut',
    );
    await gateway.close();
    expect(await read).toBe('cut');
    expect(tally.events).toHaveLength(1);
    expect(tally.events[0]?.data.usage_source).toBe('estimated');
  });

  it('waits, with an event that it could not deliver, until Tally is up again', async () => {
    gateway = await aGateway(tally);
    tally.refuseNext(/\/usage\/events$/, 'hang up', 4);
    await gateway.openai().chat.completions.create(chat);
    await gateway.close();
    expect(tally.events).toHaveLength(1);
  });
});
