/** What a caller may send through the gateway, what the model server gets of it, and what the gateway keeps to itself. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aModelServer, json } from '../support/model-server.js';
import {
  aProxyWorld,
  call,
  CHAT,
  closeWorld,
  restart,
  type ProxyWorld,
  UPSTREAM_KEY,
} from '../support/proxy.js';

const USAGE = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld(json({ usage: USAGE }));
});

afterEach(() => closeWorld(world));

const errorIn = (text: string) => JSON.parse(text).error;
const sent = () => world.model.asked.at(-1)?.body.toString();

describe('the body of a request', () => {
  it('keeps every byte but those of stream_options', async () => {
    const rest =
      '"model" :"m","seed":12345678901234567890,"x":1.50, "messages":[{"role":"user","content":"a\\u00e9\\n"}]}\n';
    await call(world.gateway, { body: ` { "stream":true,${rest}` });
    expect(sent()).toBe(` {"stream_options":{"include_usage":true}, "stream":true,${rest}`);
    await call(world.gateway, { body: `{"stream":true,"stream_options": null ,${rest}` });
    expect(sent()).toBe(`{"stream":true,"stream_options": {"include_usage":true},${rest}`);
    const given = '{"stream_options":{"continuous_usage_stats":true,"include_usage":false},"stream":true,';
    await call(world.gateway, { body: given + rest });
    expect(sent()).toBe(given.replace('false', 'true') + rest);
  });

  it('of ten megabytes arrives whole, and one above GATEWAY_BODY_BYTES_MAX is refused', async () => {
    const body = JSON.stringify({ ...CHAT, messages: [{ role: 'user', content: 'é"\\'.repeat(2_000_000) }] });
    expect(Buffer.byteLength(body)).toBeGreaterThan(10_000_000);
    expect((await call(world.gateway, { body })).status).toBe(200);
    expect(sent() === body).toBe(true);
    await restart(world, { GATEWAY_BODY_BYTES_MAX: '1024' });
    const { status, text } = await call(world.gateway, { body: 'x'.repeat(1_025) });
    expect([status, errorIn(text).type]).toEqual([413, 'invalid_request_error']);
    expect(world.model.asked).toHaveLength(1);
  });

  it.each([
    { body: 'not json', param: null },
    { body: '[1]', param: null },
    { body: '{"messages":[]}', param: 'model' },
    { body: '{"model":7}', param: 'model' },
    { body: '{"model":"m","model":"dearer"}', param: 'model' },
    { body: '{"model":"m","Model":"dearer"}', param: 'Model' },
    { body: '{"model":"m","max_tokens":1,"max_to\\u212Aens":100000}', param: 'max_to\u212aens' },
    { body: '{"model":"m","stream":"true"}', param: 'stream' },
    { body: '{"model":"m","background":true}', param: 'background' },
  ])('$body is refused with 400 before Tally and the server are asked', async ({ body, param }) => {
    const { status, text } = await call(world.gateway, { path: '/v1/responses', body });
    expect([status, errorIn(text).param, errorIn(text).type]).toEqual([400, param, 'invalid_request_error']);
    expect(world.tally.requestCount).toBe(0);
    expect(world.model.asked).toEqual([]);
  });

  it('that is compressed is refused, since the gateway could not read it', async () => {
    const { status } = await call(world.gateway, { headers: { 'content-encoding': 'gzip' } });
    expect(status).toBe(415);
    expect(world.model.asked).toEqual([]);
  });
});

describe('headers', () => {
  it('of the caller pass, but not its key, its identity, and what concerns one connection', async () => {
    await call(world.gateway, {
      headers: {
        'x-api-key': 'another-secret',
        cookie: 'a=b',
        connection: 'close, x-one-hop',
        'x-one-hop': '1',
        te: 'trailers',
        'proxy-authorization': 'Basic eA==',
        'openai-organization': 'org',
        'openai-project': 'project1',
        'x-request-id': 'chosen',
        'x-client-country': 'DE',
        'anthropic-beta': 'b1',
        'user-agent': 'test',
      },
    });
    const { headers } = world.model.asked[0]!;
    expect(headers).toEqual({
      host: new URL(world.model.url).host,
      connection: 'keep-alive',
      authorization: `Bearer ${UPSTREAM_KEY}`,
      'x-api-key': UPSTREAM_KEY,
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'content-length': String(JSON.stringify(CHAT).length),
      'x-request-id': expect.stringMatching(/^req_[0-9a-f]{32}$/),
      traceparent: expect.stringMatching(/^00-/),
      'anthropic-beta': 'b1',
      'user-agent': 'test',
    });
    expect(world.tally.reservations[0]).toMatchObject({
      project: 'entity1/project1',
      request_id: headers['x-request-id'],
    });
  });

  it('of the server pass, but not what concerns one connection, and the request id is that of the gateway', async () => {
    world.model.answer = json({ usage: USAGE }, 200, {
      'x-ratelimit-remaining-requests': '7',
      'x-request-id': 'repeats',
      'set-cookie': 'a=b',
      connection: 'keep-alive, x-one-hop',
      'x-one-hop': '1',
    });
    const { headers } = await call(world.gateway);
    expect(headers['x-ratelimit-remaining-requests']).toBe('7');
    expect(headers['x-request-id']).toBe(world.model.asked[0]?.headers['x-request-id']);
    for (const name of ['set-cookie', 'x-one-hop']) expect(headers).not.toHaveProperty(name);
  });

  it('have no key where the server needs none', async () => {
    await restart(world, { GATEWAY_UPSTREAM_KEY: '' });
    await call(world.gateway);
    expect(world.model.asked[0]?.headers).not.toHaveProperty('authorization');
  });
});

describe('the event', () => {
  it('has an id of the gateway, whatever the server and the caller say', async () => {
    world.model.answer = json({ id: 'chatcmpl-1', usage: USAGE });
    await call(world.gateway, {
      headers: { 'x-request-id': 'mine' },
      body: { ...CHAT, user: 'u_9', request_id: 'mine' },
    });
    await call(world.gateway, { headers: { 'x-request-id': 'mine' } });
    await world.tally.until(() => world.tally.events.length === 2);
    const ids = world.tally.events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^req_[0-9a-f]{32}$/);
    expect(world.tally.events[0]?.data).toMatchObject({
      user_id: 'u_9',
      api_key_id: expect.stringMatching(/^key_/),
    });
  });
});

describe('paths', () => {
  it.each([
    '/v1/moderations',
    '/v1/files',
    '/v1/chat/completions/',
    '/v1/responses/resp_1/cancel',
    '/tokenize',
    '/v1/../metrics',
  ])('%s is a 404 and does not reach the server', async (path) => {
    const got = await call(world.gateway, { path });
    expect(got.status).toBe(404);
    expect(errorIn(got.text)).toMatchObject({ type: 'invalid_request_error', code: 'unknown_url' });
    expect(world.model.asked).toEqual([]);
  });

  it('/v1/models passes as it is and costs nothing', async () => {
    world.model.answer = json('{"object":"list", "data":[]}');
    expect((await call(world.gateway, { method: 'GET', path: '/v1/models' })).text).toBe(
      '{"object":"list", "data":[]}',
    );
    await call(world.gateway, { method: 'GET', path: '/v1/models/org%2Fmodel' });
    expect(world.model.asked.map(({ url }) => url)).toEqual(['/v1/models', '/v1/models/org%2Fmodel']);
    const up = await call(world.gateway, { method: 'GET', path: '/v1/models/x%2F..%2F..%2Fmetrics' });
    expect(up.status).toBe(404);
    expect(world.tally.requestCount).toBe(0);
  });

  it('below a path of the server keep it, with or without /v1 at its end', async () => {
    for (const base of ['/serve/llm', '/serve/llm/', '/serve/llm/v1']) {
      await restart(world, { GATEWAY_UPSTREAM_URL: `${world.model.url}${base}` });
      await call(world.gateway);
      expect(world.model.asked.at(-1)?.url).toBe('/serve/llm/v1/chat/completions');
    }
  });
});

describe('several servers', () => {
  it('get the requests for their own models with their own keys, and no other model is passed on', async () => {
    const other = await aModelServer(json({ usage: USAGE }));
    await restart(world, {
      GATEWAY_UPSTREAM_URL: `org/a=${world.model.url},b=${other.url}/v1`,
      GATEWAY_UPSTREAM_KEY: 'org/a=key-a==,b=key-b',
    });
    for (const name of ['org/a', 'b', 'b']) await call(world.gateway, { body: { ...CHAT, model: name } });
    expect(world.model.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer key-a==']);
    expect(other.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer key-b', 'Bearer key-b']);

    const unknown = await call(world.gateway, { body: { ...CHAT, model: 'c' } });
    expect([unknown.status, errorIn(unknown.text).code]).toEqual([404, 'model_not_found']);
    expect(world.tally.reservations).toHaveLength(3);

    const { text } = await call(world.gateway, { method: 'GET', path: '/v1/models' });
    expect(JSON.parse(text).data.map(({ id }: { id: string }) => id)).toEqual(['org/a', 'b']);
    const one = await call(world.gateway, { method: 'GET', path: '/v1/models/org%2Fa' });
    expect(JSON.parse(one.text)).toMatchObject({ id: 'org/a', object: 'model' });
    expect((await call(world.gateway, { method: 'GET', path: '/v1/models/c' })).status).toBe(404);
    await other.close();
  });
});
