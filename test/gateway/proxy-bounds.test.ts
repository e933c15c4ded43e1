/** Bodies that are small in bytes and costly to read: refused before they are parsed, and before Tally and the server are asked. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import type { TestGateway } from '../support/gateway.js';
import { aModelServer, json, type ModelServer } from '../support/model-server.js';
import { aProxy, call } from '../support/proxy.js';

let tally: FakeTally;
let model: ModelServer;
let gateway: TestGateway;

beforeEach(async () => {
  tally = await aFakeTally();
  model = await aModelServer(json({ usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } }));
  gateway = await aProxy(tally, model);
});

afterEach(async () => {
  await gateway.close();
  await model.close();
  await tally.stop();
});

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
    const got = await call(gateway, { body });
    expect(got.status).toBe(400);
    expect(JSON.parse(got.text)).toEqual({
      error: {
        message: expect.stringMatching(/^The request body has /),
        type: 'invalid_request_error',
        param: null,
        code: 'request_too_complex',
      },
    });
    expect(tally.requestCount).toBe(0);
    expect(model.asked).toEqual([]);
  });

  it('with more than a thousand parts of a form is refused with 400', async () => {
    const part = '--b\r\ncontent-disposition: form-data; name="a[]"\r\n\r\n\r\n';
    const got = await call(gateway, {
      path: '/v1/audio/transcriptions',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: `${part.repeat(1_001)}--b--\r\n`,
    });
    expect([got.status, JSON.parse(got.text).error.code]).toEqual([400, 'request_too_complex']);
    expect(model.asked).toEqual([]);
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
    expect((await call(gateway, { body })).status).toBe(200);
    expect(model.asked[0]?.body.toString() === body).toBe(true);
  });

  it('with a picture 100 lists deep has a hold that its bytes do not bound', async () => {
    const body = `{"model":"m","messages":[{"role":"user","content":${lists(100, image)}}]}`;
    await call(gateway, { body });
    expect(tally.reservations[0]?.input_bytes).toBeUndefined();
    await call(gateway, { body: body.replace(image, '"text"') });
    expect(tally.reservations[1]?.input_bytes).toBeGreaterThan(0);
  });

  it('with a picture 100 objects deep has a hold that its bytes do not bound', async () => {
    const content = '{"a":'.repeat(100) + image + '}'.repeat(100);
    await call(gateway, { body: `{"model":"m","messages":[{"role":"user","content":${content}}]}` });
    expect(tally.reservations[0]?.input_bytes).toBeUndefined();
  });
});
