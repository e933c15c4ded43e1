/** Bodies that are small in bytes and costly to read: refused before they are parsed, and before Tally and the server are asked. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { json } from '../support/model-server.js';
import { aProxyWorld, call, closeWorld, type ProxyWorld } from '../support/proxy.js';

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld(json({ usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } }));
});

afterEach(() => closeWorld(world));

const members = (count: number) => Array.from({ length: count }, (_, index) => `"m${index}":0`).join(',');
const lists = (depth: number, inside = '') => '['.repeat(depth) + inside + ']'.repeat(depth);
const objects = (depth: number) => '{"a":'.repeat(depth) + '0' + '}'.repeat(depth);
const image = '{"type":"image_url","image_url":{"url":"http://x/y.png"}}';
const text = `\\"{[:\\\\`;

describe('a request body', () => {
  it.each([
    { what: 'a thousand and one members', body: `{"model":"m",${members(1_000)}}` },
    { what: 'two million members', body: `{"model":"m",${members(2_000_000)}}` },
    { what: 'a million members in one of its own', body: `{"model":"m","tools":{${members(1_000_000)}}}` },
    { what: 'half a million lists', body: `{"model":"m","input":[${'[],'.repeat(500_000)}0]}` },
    { what: '200,000 nested lists', body: `{"model":"m","input":${lists(200_000)}}` },
    { what: '200,000 lists that do not end', body: `{"model":"m","input":${'['.repeat(200_000)}` },
    { what: '200,000 nested objects', body: `{"model":"m","input":${objects(200_000)}}` },
    {
      what: '200,000 nested lists in stream_options',
      body: `{"model":"m","stream":true,"stream_options":{"a":${lists(200_000)}}}`,
    },
  ])('with $what is refused with 400', async ({ body }) => {
    const got = await call(world.gateway, { body });
    expect(got.status).toBe(400);
    expect(JSON.parse(got.text)).toEqual({
      error: {
        message: expect.stringMatching(/^The request body has /),
        type: 'invalid_request_error',
        param: null,
        code: 'request_too_complex',
      },
    });
    expect(world.tally.requestCount).toBe(0);
    expect(world.model.asked).toEqual([]);
  });

  it('with more than a thousand parts of a form is refused with 400', async () => {
    const part = '--b\r\ncontent-disposition: form-data; name="a[]"\r\n\r\n\r\n';
    const got = await call(world.gateway, {
      path: '/v1/audio/transcriptions',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: `${part.repeat(1_001)}--b--\r\n`,
    });
    expect([got.status, JSON.parse(got.text).error.code]).toEqual([400, 'request_too_complex']);
    expect(world.model.asked).toEqual([]);
  });

  it.each([
    { what: 'a thousand members', body: `{"model":"m",${members(999)}}` },
    { what: 'a million token ids', body: `{"model":"m","prompt":[${'1,'.repeat(999_999)}1]}` },
    { what: 'lists nested 100 deep', body: `{"model":"m","input":${lists(100)}}` },
    {
      what: 'brackets and quotes in its texts',
      body: `{"model":"m","input":"${text.repeat(100_000)}","user":"${'\\\\'.repeat(3)}"}`,
    },
  ])('with $what passes', async ({ body }) => {
    expect((await call(world.gateway, { body })).status).toBe(200);
    expect(world.model.asked[0]?.body.toString() === body).toBe(true);
  });

  it('with a picture 100 lists deep has a hold that its bytes do not bound', async () => {
    const body = `{"model":"m","messages":[{"role":"user","content":${lists(100, image)}}]}`;
    await call(world.gateway, { body });
    expect(world.tally.reservations[0]?.input_bytes).toBeUndefined();
    await call(world.gateway, { body: body.replace(image, '"text"') });
    expect(world.tally.reservations[1]?.input_bytes).toBeGreaterThan(0);
  });

  it('with a picture 100 objects deep has a hold that its bytes do not bound', async () => {
    const content = '{"a":'.repeat(100) + image + '}'.repeat(100);
    await call(world.gateway, { body: `{"model":"m","messages":[{"role":"user","content":${content}}]}` });
    expect(world.tally.reservations[0]?.input_bytes).toBeUndefined();
  });
});
