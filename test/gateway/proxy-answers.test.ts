/** A gateway in front of model servers: answers pass through byte for byte, and are charged what the server reports. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ANTHROPIC, CHAT_STREAMS, RESPONSES, VLLM, type ServerStream } from '../support/model-answers.js';
import { json, stream } from '../support/model-server.js';
import { aProxyWorld, call, CHAT, closeWorld, onlyEvent, type ProxyWorld } from '../support/proxy.js';

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld();
});

afterEach(() => closeWorld(world));

const reported = (usage: object) => ({
  subject: 'entity1/default',
  data: {
    model: 'm',
    operation: 'chat',
    usage,
    usage_source: 'reported',
    reservation_id: world.tally.reservations[0]?.id,
  },
});

const without = ({ events, usageChunk }: ServerStream) =>
  events.filter((_event, index) => index !== usageChunk).join('');

describe.each(CHAT_STREAMS)('a stream of $server', (server) => {
  it('reaches a caller that did not ask for usage without that chunk, and is charged by it', async () => {
    world.model.answer = stream(server.events);
    const { text, headers } = await call(world.gateway, { body: { ...CHAT, stream: true } });
    expect(text).toBe(without(server));
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(JSON.parse(world.model.asked[0]!.body.toString())).toEqual({
      ...CHAT,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(await onlyEvent(world.tally, world.gateway)).toMatchObject(reported(server.usage));
    expect(world.tally.released).toEqual([]);
  });

  it('reaches a caller that asked for usage as it is, and so does its request', async () => {
    world.model.answer = stream(server.events);
    const body = `{"model":"m", "messages":[ ],"stream": true,"stream_options" : {"include_usage": true}}`;
    const { text } = await call(world.gateway, { body });
    expect(text).toBe(server.events.join(''));
    expect(world.model.asked[0]!.body.toString()).toBe(body);
    expect(await onlyEvent(world.tally, world.gateway)).toMatchObject(reported(server.usage));
  });

  it('is the same in whatever pieces it arrives', async () => {
    const bytes = Buffer.from(server.events.join(''));
    for (const size of [1, 7, 64, bytes.length]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.subarray(n * size, (n + 1) * size),
      );
      world.model.answer = stream(pieces);
      const { text } = await call(world.gateway, { body: { ...CHAT, stream: true } });
      expect(text).toBe(without(server));
    }
    await world.tally.until(() => world.tally.events.length === 4);
    for (const { data } of world.tally.events) expect(data.usage).toEqual(server.usage);
  });
});

describe.each([
  { server: ANTHROPIC, path: '/v1/messages', operation: 'chat' },
  { server: RESPONSES, path: '/v1/responses', operation: 'responses' },
])('a stream of $server.server at $path', ({ server, path, operation }) => {
  it('passes untouched both ways, and its usage is put together from its events', async () => {
    world.model.answer = stream(server.events);
    const body =
      '{"model":"m","max_tokens":64,"stream":true,"input":"x","messages":[{"role":"user","content":"x"}]}';
    const { text } = await call(world.gateway, { path, body });
    expect(text).toBe(server.events.join(''));
    expect(world.model.asked[0]!.body.toString()).toBe(body);
    const event = await onlyEvent(world.tally, world.gateway);
    expect(event.data).toMatchObject({ operation, usage_source: 'reported', usage: server.usage });
    expect(world.tally.reservations[0]?.max_output_tokens).toBe(64);
  });
});

const CHAT_USAGE = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };

describe('a plain answer', () => {
  const answers = [
    { path: '/v1/chat/completions', operation: 'chat', usage: CHAT_USAGE },
    { path: '/v1/completions', operation: 'completions', usage: CHAT_USAGE },
    { path: '/v1/responses', operation: 'responses', usage: RESPONSES.usage },
    { path: '/v1/messages', operation: 'chat', usage: ANTHROPIC.usage },
    { path: '/v1/embeddings', operation: 'embeddings', usage: { prompt_tokens: 8, total_tokens: 8 } },
    { path: '/v1/rerank', operation: 'rerank', usage: { total_tokens: 56 } },
    {
      path: '/v1/audio/transcriptions',
      operation: 'audio.transcriptions',
      usage: { type: 'duration', seconds: 9 },
    },
    {
      path: '/v1/audio/translations',
      operation: 'audio.transcriptions',
      usage: { type: 'duration', seconds: 9 },
    },
    { path: '/v1/images/generations', operation: 'images', usage: { ...RESPONSES.usage } },
  ];

  it.each(answers)(
    'of $path passes as it is and is charged what it reports',
    async ({ path, operation, usage }) => {
      const answer = `{ "id":"x","n":1e2 ,"usage" :${JSON.stringify(usage)}, "data":[] }\n`;
      world.model.answer = json(answer, 200, { 'x-own': 'yes' });
      const got = await call(world.gateway, { path: `${path}?v=1`, body: { ...CHAT, stream: false } });
      expect(got).toMatchObject({ status: 200, text: answer, headers: { 'x-own': 'yes' } });
      expect(world.model.asked[0]).toMatchObject({ method: 'POST', url: `${path}?v=1` });
      const event = await onlyEvent(world.tally, world.gateway);
      expect(event.data).toMatchObject({ operation, usage, usage_source: 'reported' });
    },
  );

  it.each([
    {
      name: "llama.cpp's timings",
      answer: { timings: { prompt_n: 4, cache_n: 1, predicted_n: 2 } },
      usage: 'timings',
    },
    {
      name: "Gemini's usageMetadata",
      answer: { usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 } },
      usage: 'usageMetadata',
    },
    {
      name: "Cohere's billed units",
      answer: { meta: { api_version: { version: '2' }, billed_units: { search_units: 1 } } },
      usage: 'meta',
    },
  ])('with $name is charged by them', async ({ answer, usage }) => {
    world.model.answer = json(answer);
    await call(world.gateway);
    const event = await onlyEvent(world.tally, world.gateway);
    expect(event.data).toMatchObject({
      usage: answer[usage as keyof typeof answer],
      usage_source: 'reported',
    });
  });

  it('that names the tier that served it is charged by that tier', async () => {
    world.model.answer = json({ usage: CHAT_USAGE, service_tier: 'flex' });
    await call(world.gateway, { body: { ...CHAT, service_tier: 'flex' } });
    const event = await onlyEvent(world.tally, world.gateway);
    expect(event.data.service_tier).toBe('flex');
    expect(world.tally.reservations[0]?.service_tier).toBe('auto');
  });

  it('of many megabytes is read to its usage', async () => {
    const data = Array.from({ length: 100_000 }, (_, index) => ({
      index,
      embedding: [0.25, -1e-7, '"}],{'],
    }));
    const answer = JSON.stringify({
      object: 'list',
      data,
      model: 'm',
      usage: { prompt_tokens: 8, total_tokens: 8 },
    });
    world.model.answer = json(answer);
    const { text } = await call(world.gateway, { path: '/v1/embeddings', body: { model: 'm', input: 'x' } });
    expect(text.length).toBe(answer.length);
    expect(text === answer).toBe(true);
    const event = await onlyEvent(world.tally, world.gateway);
    expect(event.data.usage).toEqual({ prompt_tokens: 8, total_tokens: 8 });
  });
});

describe('a compressed answer', () => {
  const answer = JSON.stringify({ usage: CHAT_USAGE });

  it('passes as it is where the caller takes one, and is read', async () => {
    world.model.answer = json(gzipSync(answer), 200, { 'content-encoding': 'gzip' });
    const got = await call(world.gateway, { headers: { 'accept-encoding': 'gzip, zstd' } });
    expect(got.body.equals(gzipSync(answer))).toBe(true);
    expect(got.headers['content-encoding']).toBe('gzip');
    expect(world.model.asked[0]?.headers['accept-encoding']).toBe('gzip');
    expect((await onlyEvent(world.tally, world.gateway)).data.usage).toEqual(CHAT_USAGE);
  });

  it('is not asked for where the gateway takes a chunk out, and decoded if the server sends one all the same', async () => {
    world.model.answer = stream([gzipSync(VLLM.events.join(''))], { 'content-encoding': 'gzip' });
    const got = await call(world.gateway, {
      headers: { 'accept-encoding': 'gzip' },
      body: { ...CHAT, stream: true },
    });
    expect(world.model.asked[0]?.headers['accept-encoding']).toBe('identity');
    expect(got.headers['content-encoding']).toBeUndefined();
    expect(got.text).toBe(without(VLLM));
    expect((await onlyEvent(world.tally, world.gateway)).data.usage).toEqual(VLLM.usage);
  });
});

describe('an answer without usage', () => {
  const words = ['Each', ' token', ' has', ' its', ' price'];
  const chunk = (content: string) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;

  it.each([
    { what: 'a stream', answer: stream([...words.map(chunk), 'data: [DONE]\n\n']), isStream: true },
    {
      what: 'a stream whose usage is zero',
      answer: stream([
        ...words.map(chunk),
        'data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}\n\n',
      ]),
      isStream: true,
    },
    {
      what: 'a plain answer',
      answer: json({ choices: [{ message: { content: words.join('') } }] }),
      isStream: false,
    },
  ])('is charged an estimate of its text: $what', async ({ answer, isStream }) => {
    world.model.answer = answer;
    await call(world.gateway, { body: { ...CHAT, stream: isStream } });
    const { data } = await onlyEvent(world.tally, world.gateway);
    // The question has 23 bytes and its role 4; the answer is 5 pieces, or 24 bytes.
    const completion = Math.max(isStream ? 5 : 1, 24 / 4);
    expect(data).toMatchObject({
      usage_source: 'estimated',
      usage: { prompt_tokens: 7, completion_tokens: completion, total_tokens: 7 + completion },
    });
  });

  it('is charged by its pictures', async () => {
    world.model.answer = json({
      created: 1,
      data: [{ b64_json: 'aGVs,[bG8=' }, { b64_json: '' }, { url: 'http://x/[1,2]' }],
    });
    await call(world.gateway, { path: '/v1/images/generations', body: { model: 'm', prompt: 'x', n: 3 } });
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ operation: 'images', usage: { image_count: 3 }, usage_source: 'estimated' });
  });

  it('is charged by the characters that it speaks', async () => {
    const sound = Buffer.from([0xff, 0xfb, 0, 1, 2, 0x0a, 0x0a]);
    world.model.answer = (response) => response.writeHead(200, { 'content-type': 'audio/mpeg' }).end(sound);
    const body = { model: 'm', input: 'Grüße 🜁', voice: 'alloy' };
    const got = await call(world.gateway, { path: '/v1/audio/speech', body });
    expect(got.body.equals(sound)).toBe(true);
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({
      operation: 'audio.speech',
      usage: { characters: 7 },
      usage_source: 'estimated',
    });
  });
});
