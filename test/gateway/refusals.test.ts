/** What the gateway refuses without asking Tally, with the right exception of the official client. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuthenticationError, BadRequestError, NotFoundError, PermissionDeniedError } from 'openai';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import {
  aGateway,
  CALLER_KEY,
  CHAT_MODEL,
  EMBEDDINGS_MODEL,
  errorOf,
  type TestGateway,
} from '../support/gateway.js';

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

describe('a bad caller', () => {
  const callers = [
    { who: 'an unknown key', options: { apiKey: 'wrong' } },
    { who: "another entity's project", options: { project: 'entity2/project1' } },
    { who: 'too deep a project', options: { project: 'entity1/a/b' } },
  ];
  it.each(callers)('with $who gets 401, and Tally is not asked', async ({ options }) => {
    const error = await errorOf(gateway.openai(options).chat.completions.create(chat));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.error).toEqual({
      message: 'Invalid Authentication',
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_api_key',
    });
    expect(gateway.requests).toHaveLength(1);
    expect(tally.requestCount).toBe(0);
  });

  it('without a key gets 401', async () => {
    const response = await fetch(`${gateway.url}/v1/models`);
    expect(response.status).toBe(401);
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
  });

  it('in a blocked country gets 403, and other countries do not', async () => {
    const openai = (country: string) => gateway.openai({ headers: { 'X-Client-Country': country } });
    const error = await errorOf(openai('kp').chat.completions.create(chat));
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(error.error).toEqual({
      message: 'Country, region, or territory not supported',
      type: 'request_forbidden',
      param: null,
      code: 'unsupported_country_region_territory',
    });
    expect(gateway.requests).toHaveLength(1);
    await expect(openai('DE').chat.completions.create(chat)).resolves.toBeDefined();
  });
});

describe('a bad request', () => {
  const { messages, model } = chat;
  const cases: [string, string, string | null, object][] = [
    ['no messages', 'chat/completions', 'messages', { model }],
    ['empty messages', 'chat/completions', 'messages', { model, messages: [] }],
    [
      'an unknown role',
      'chat/completions',
      'messages[0].role',
      { model, messages: [{ role: 'robot', content: 'x' }] },
    ],
    ['two choices', 'chat/completions', 'n', { model, messages, n: 2 }],
    ['no tokens at all', 'chat/completions', 'max_tokens', { model, messages, max_tokens: 0 }],
    [
      'half a token',
      'chat/completions',
      'max_completion_tokens',
      { model, messages, max_completion_tokens: 1.5 },
    ],
    [
      'stream options without a stream',
      'chat/completions',
      'stream_options',
      { model, messages, stream_options: { include_usage: true } },
    ],
    ['an embeddings model', 'chat/completions', 'model', { model: EMBEDDINGS_MODEL, messages }],
    ['a list', 'chat/completions', null, []],
    ['no input', 'embeddings', 'input', { model: EMBEDDINGS_MODEL }],
    ['another dimension', 'embeddings', 'dimensions', { model: EMBEDDINGS_MODEL, input: 'x', dimensions: 7 }],
  ];
  it.each(cases)('with %s to %s gets 400 that names %s', async (_, path, param, body) => {
    const error = await errorOf(gateway.openai().post(`/${path}`, { body }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ param, type: 'invalid_request_error' });
    expect(error.code === null || typeof error.code === 'string').toBe(true);
    expect(tally.requestCount).toBe(0);
  });

  const CONTENT =
    'must be a text, or a list of {"type":"text","text":…} and {"type":"image_url","image_url":{"url":…}}';
  const content = (given: unknown) => ({ model, messages: [{ role: 'user', content: given }] });
  const values: [string, string, object][] = [
    ['model', "must be a model's id", { model: 7, messages }],
    ['messages', 'must be a list of at least 1 message', { model, messages: 'x' }],
    ['messages', 'must be a list of at least 1 message', { model, messages: [] }],
    ['messages[0]', 'must be an object', { model, messages: ['x'] }],
    [
      'messages[0].role',
      'must be one of "system", "developer", "user", "assistant", "tool", "function"',
      { model, messages: [{ role: 'robot' }] },
    ],
    ['messages[0].content', CONTENT, content(7)],
    ['messages[0].content', CONTENT, content([{ type: 'video' }])],
    ['messages[0].content', CONTENT, content([{ type: 'text', text: 7 }])],
    ['messages[0].content', CONTENT, content([{ type: 'image_url', image_url: 'x' }])],
    ['n', 'must be 1', { ...chat, n: 2 }],
    ['max_tokens', 'must be an integer from 1 to 1000000', { ...chat, max_tokens: 0 }],
    ['max_tokens', 'must be an integer from 1 to 1000000', { ...chat, max_tokens: 1_000_001 }],
    [
      'max_completion_tokens',
      'must be an integer from 1 to 1000000',
      { ...chat, max_completion_tokens: 'x' },
    ],
    ['stream', 'must be true or false', { ...chat, stream: 'yes' }],
    ['stream_options', 'must be an object', { ...chat, stream: true, stream_options: true }],
    ['stream_options', 'is only allowed when stream is true', { ...chat, stream_options: {} }],
    ['user', 'must be a text of at most 128 characters', { ...chat, user: 'x'.repeat(129) }],
    ['user', 'must be a text of at most 128 characters', { ...chat, user: 7 }],
  ];
  it.each(values)('says that %s %s', async (param, words, body) => {
    const error = await errorOf(gateway.openai().post('/chat/completions', { body }));
    expect(error.error).toMatchObject({ param, message: `Invalid value for '${param}': ${words}.` });
  });

  const INPUT = 'must be a text, a list of token ids, or a list of up to 2048 of these';
  const embedded: [string, string, object][] = [
    ['input', 'must not be empty', { input: '' }],
    ['input', INPUT, { input: [7, 'x'] }],
    ['input', INPUT, { input: { text: 'x' } }],
    ['input', INPUT, { input: Array.from({ length: 2049 }, () => 'x') }],
    ['input[0]', 'must not be empty', { input: [''] }],
    ['input[0]', 'must not be negative', { input: [-1] }],
    ['input[0]', 'must not be empty', { input: [[]] }],
    ['encoding_format', 'must be "float" or "base64"', { input: 'x', encoding_format: 'hex' }],
    ['dimensions', 'must be 1024', { input: 'x', dimensions: 7 }],
  ];
  it.each(embedded)('says that %s of embeddings %s', async (param, words, body) => {
    const given = { model: EMBEDDINGS_MODEL, ...body };
    const error = await errorOf(gateway.openai().post('/embeddings', { body: given }));
    expect(error.error).toMatchObject({ param, message: `Invalid value for '${param}': ${words}.` });
  });

  it('that is not JSON gets 400 in the same form', async () => {
    const headers = { authorization: `Bearer ${CALLER_KEY}`, 'content-type': 'application/json' };
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: '{',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param: null, code: null },
    });
  });

  it('for an unknown model or path gets 404', async () => {
    const openai = gateway.openai();
    const model = await errorOf(openai.chat.completions.create({ ...chat, model: 'gpt-1' }));
    const path = await errorOf(openai.get('/nothing'));
    expect(model).toBeInstanceOf(NotFoundError);
    expect(model.code).toBe('model_not_found');
    expect(path).toBeInstanceOf(NotFoundError);
    expect(path.code).toBe('unknown_url');
  });
});
