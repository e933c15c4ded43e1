/**
 * The example configuration for Envoy, without an Envoy: the test reads the file, runs its Lua in Redis' Lua, and sends requests
 * and filters answers as the file says and Envoy's documentation of ext_authz describes.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as send, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { anApp, type TestApp } from '../../support/app.js';
import { LLAMA } from '../../support/builders.js';
import { withRedis } from '../../support/data-dir.js';

const CONFIGURATION = new URL('../../../docs/proxies/envoy.yaml', import.meta.url);

type Pattern = { readonly exact?: string; readonly prefix?: string };
type Patterns = { readonly patterns: readonly Pattern[] };
type Manager = {
  http_filters: readonly [Lua, Authorization, unknown];
  local_reply_config: { mappers: readonly [{ status_code: number; body: { inline_string: string } }] };
};
type Lua = { typed_config: { default_source_code: { inline_string: string } } };
type Authorization = {
  typed_config: {
    failure_mode_allow: boolean;
    allowed_headers: Patterns;
    http_service: {
      path_prefix: string;
      authorization_request: { headers_to_add: readonly { key: string; value: string }[] };
      authorization_response: { allowed_client_headers: Patterns };
    };
  };
};

/** Headers that Envoy always sends, whatever the list of allowed headers says. */
const ALWAYS_SENT = ['host', 'authorization'];

const matches = ({ patterns }: Patterns, name: string) =>
  patterns.some(({ exact, prefix }) => name === exact || (prefix !== undefined && name.startsWith(prefix)));

describe('Envoy with our configuration', () => {
  let app: TestApp;
  let manager: Manager;
  let tallyKey: string;
  beforeAll(async () => {
    app = await anApp();
    tallyKey = await app.key('gateway');
    const { static_resources } = parse(await readFile(CONFIGURATION, 'utf8'));
    manager = static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    await app.limit('entity1', { monthly_cap_usd: '1', overage: 'allowed', max_concurrent_requests: null });
  });

  const authorization = () => manager.http_filters[1].typed_config;

  /** The question that Envoy asks about a caller's request, and what of the answer the caller gets. */
  async function ask(call: string, caller: Record<string, string> = {}, key = tallyKey) {
    const [method = '', path = ''] = call.split(' ');
    const { allowed_headers, http_service } = authorization();
    const { headers_to_add } = http_service.authorization_request;
    const original = { host: 'gateway.example', authorization: 'Bearer some-key-value', ...caller };
    const sent = Object.entries(original).filter(
      ([name]) => ALWAYS_SENT.includes(name) || matches(allowed_headers, name),
    );
    const added = headers_to_add.map((header) => [header.key, header.value.replace('TALLY_API_KEY', key)]);
    const url = `${app.url}${http_service.path_prefix}${path}`;
    const headers = {
      ...Object.fromEntries([...sent, ...added]),
      'content-length': '0',
      'x-envoy-internal': 'true',
      'x-forwarded-for': '127.0.0.1',
      'x-envoy-expected-rq-timeout-ms': '3000',
    };
    const question = send(url, { method, headers }).end();
    const [answer] = (await once(question, 'response')) as [IncomingMessage];
    const { allowed_client_headers } = http_service.authorization_response;
    const passedOn = Object.entries(answer.headers).filter(([name]) => matches(allowed_client_headers, name));
    return { status: answer.statusCode, headers: Object.fromEntries(passedOn), body: await text(answer) };
  }
  const project = { 'openai-project': 'entity1/project1' };

  it('asks Tally before each request, whatever its method, path and query', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of ['/', '/v1/chat/completions', '/v1/models?limit=2', '/v1/files/a%2Fb/../content']) {
        expect([method, path, (await ask(`${method} ${path}`, project)).status]).toEqual([method, path, 200]);
      }
    }
  });

  it('passes on a denial as Tally words it, with the limit and whether waiting helps', async () => {
    await app.limit('entity1', { monthly_cap_usd: '0' });
    const denied = await ask('POST /v1/chat/completions', project);
    expect(denied).toMatchObject({
      status: 429,
      headers: {
        'content-type': expect.stringMatching(/^application\/json/),
        'x-should-retry': 'false',
        'x-quota-limit': 'entity_monthly_cap',
        'x-quota-decision': expect.stringMatching(/^dec_/),
      },
    });
    expect(denied.headers).not.toHaveProperty('x-request-id');
    expect(JSON.parse(denied.body).error).toMatchObject({
      message: 'You exceeded your current quota, please check your plan and billing details',
      code: 'insufficient_quota',
      details: { limit: 'entity_monthly_cap' },
    });
    await app.limit('entity1', { monthly_cap_usd: '1', max_concurrent_requests: 1 });
    const held = await app.call('POST /v1/quota/reservations', {
      body: { project: 'entity1/project1', model: LLAMA, input_tokens: 1, max_output_tokens: 0 },
    });
    const { headers, body } = await ask('POST /v1/chat/completions', project);
    expect([headers['retry-after'], headers['x-should-retry']]).toEqual(['1', undefined]);
    expect(JSON.parse(body).error.code).toBe('rate_limit_exceeded');
    await app.call(`POST /v1/quota/reservations/${held.body.id}/release`);
  });

  it('passes on an allowed request unchanged, and holds nothing', async () => {
    const { body } = await ask('POST /v1/chat/completions', { ...project, 'x-model': LLAMA });
    expect(JSON.parse(body)).toMatchObject({ allowed: true, project: 'entity1/project1' });
    expect((await app.call('GET /v1/entities/entity1/balance')).body.held_usd).toBe('0');
  });

  it('sends our key instead of the caller’s, and treats a refusal of it as an outage', async () => {
    expect((await ask('POST /v1/chat/completions', project, 'sk-tally-nobody')).status).toBe(401);
    expect(authorization().failure_mode_allow).toBe(false);
    const [mapper] = manager.local_reply_config.mappers;
    expect([mapper.status_code, JSON.parse(mapper.body.inline_string).error.code]).toEqual([
      503,
      'overloaded',
    ]);
  });

  it('identifies the caller by its key, whatever project it names, and refuses an unknown one', async () => {
    const { inline_string: code } = manager.http_filters[0].typed_config.default_source_code;
    const handle = `
      local envoy_on_request
      ${code}
      local seen = { ["authorization"] = ARGV[1], ["openai-project"] = "another/project" }
      local headers = {}
      function headers:get(name) return seen[name] end
      function headers:replace(name, value) seen[name] = value end
      local handle, answer = {}, {}
      function handle:headers() return headers end
      function handle:respond(given, body) answer = { given[":status"], given["content-type"], body } end
      envoy_on_request(handle)
      return { seen["openai-project"], answer[1] or "", answer[2] or "", answer[3] or "" }`;
    await withRedis(app.redis.url, async (redis) => {
      const known = await redis.eval(handle, 0, 'Bearer some-key-value');
      expect(known).toEqual(['entity1/project1', '', '', '']);
      const [, status, type, body] = (await redis.eval(handle, 0, 'Bearer wrong')) as string[];
      expect([status, type]).toEqual(['401', 'application/json']);
      expect(JSON.parse(body!).error.code).toBe('invalid_api_key');
    });
  });
});
