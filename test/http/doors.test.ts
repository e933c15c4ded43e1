import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../src/platform/embedded/server-process.js';
import { ErrorFilter } from '../../src/http/error-filter.js';
import { parseJsonBody } from '../../src/http/json-body.js';
import { fastifyAdapter } from '../../src/http/server.js';
import { Logger } from '../../src/platform/logger.js';
import { Metrics } from '../../src/platform/metrics.js';
import { anApp, type TestApp } from '../support/app.js';

/** What a server answers to bytes of which more were announced than come. */
async function answerTo(url: string, head: readonly string[], body = ''): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.includes('\r\n\r\n')) socket.end();
  });
  socket.write(`${[...head, 'host: tally', 'content-type: application/json'].join('\r\n')}\r\n\r\n${body}`);
  await once(socket, 'close');
  return text;
}

const LONG = 'content-length: 4000000';

describe('the doors', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ environment: { CORS_ORIGINS: 'https://console.example' } });
  });
  afterAll(() => app.close());

  it.each([
    ['POST /v1/usage/events', LONG],
    ['POST /v1/usage/events', 'content-length: 900'],
    ['POST /v1/usage/events', 'transfer-encoding: chunked'],
    ['POST /v1/quota/reservations', LONG],
    ['POST /v1/quota/reservations', 'content-length: 900'],
    ['POST /v1/admin/keys', LONG],
    ['POST /v1/admin/keys', 'transfer-encoding: chunked'],
    ['PATCH /v1/admin/entities/entity1/limits', 'content-length: 900'],
    ['POST /v1/admin/prices/import', LONG],
  ])('%s with %s and no key is refused before its body comes', async (call, length) => {
    for (const key of [[], ['authorization: Bearer sk-none']]) {
      const answer = await answerTo(app.url, [`${call} HTTP/1.1`, length, ...key]);
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    }
  });

  it.each([
    ['POST /nowhere', 404],
    ['POST /v1/admin/audit_log', 405],
  ])('%s is refused before its body comes', async (call, status) => {
    const answer = await answerTo(app.url, [`${call} HTTP/1.1`, LONG]);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  it('a body may be 64 KiB where it is no usage and no price map', async () => {
    const key = `authorization: Bearer ${app.adminKey}`;
    for (const call of ['POST /v1/admin/keys', 'POST /v1/quota/reservations', 'PUT /v1/admin/plans/pro']) {
      const announced = await answerTo(app.url, [`${call} HTTP/1.1`, 'content-length: 65537', key]);
      expect(announced).toMatch(/^HTTP\/1\.1 413 [^]*larger than 64 KiB/);
      const chunk = 'x'.repeat(70_000);
      const sent = await answerTo(
        app.url,
        [`${call} HTTP/1.1`, 'transfer-encoding: chunked', key],
        `${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`,
      );
      expect(sent).toMatch(/^HTTP\/1\.1 413 /);
    }
    const events = { body: `[${' '.repeat(1_000_000)}{}]` };
    expect((await app.call('POST /v1/usage/events', events)).status).toBe(422);
  });

  it('a name that means something in JavaScript is a property like any other, and changes nothing inherited', () => {
    const text =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":[{"__proto__":1}]}';
    const read = parseJsonBody(Buffer.from(text)) as { polluted?: number };
    expect(JSON.stringify(read)).toBe(text);
    expect([read.polluted, ({} as { polluted?: number }).polluted]).toEqual([undefined, undefined]);
  });

  it('a wrong method is 405 and names the right ones, also with OPTIONS', async () => {
    const cases = {
      '/v1/admin/keys': 'GET, HEAD, OPTIONS, POST',
      '/v1/admin/plans/pro': 'GET, HEAD, OPTIONS, PUT',
      '/v1/quota/reservations': 'OPTIONS, POST',
      '/v1/usage/events': 'OPTIONS, POST',
      '/livez': 'GET, HEAD, OPTIONS',
    };
    for (const [path, allow] of Object.entries(cases)) {
      const wrong = await app.call(`TRACE-ME ${path}`.replace('TRACE-ME', 'DELETE'), { key: null });
      expect([path, wrong.status, wrong.headers.get('allow')]).toEqual([path, 405, allow]);
      expect(wrong.body.error.code).toBe('method_not_allowed');
      const asked = await app.call(`OPTIONS ${path}`, { key: null });
      expect([path, asked.status, asked.headers.get('allow')]).toEqual([path, 204, allow]);
    }
    expect((await app.call('OPTIONS /nowhere', { key: null })).status).toBe(404);
  });

  it('a word of a path is no id where the route of the word lacks the method', async () => {
    for (const path of ['/v1/quota/reservations/release', '/v1/admin/dead_letters/replay']) {
      const wrong = await app.call(`GET ${path}`);
      expect([path, wrong.status, wrong.headers.get('allow')]).toEqual([path, 405, 'OPTIONS, POST']);
    }
  });

  it('a page of a listed origin may call, another one may not', async () => {
    const listed = { origin: 'https://console.example', 'access-control-request-method': 'PATCH' };
    const preflight = await app.call('OPTIONS /v1/admin/keys', { key: null, headers: listed });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://console.example');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
    for (const call of ['GET /v1/admin/keys', 'POST /v1/quota/reservations', 'GET /nowhere']) {
      const allowed = await app.call(call, { key: null, headers: { origin: listed.origin } });
      expect(allowed.headers.get('access-control-allow-origin')).toBe(listed.origin);
      const other = await app.call(call, { key: null, headers: { origin: 'https://other.example' } });
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('an answer of another type than was asked for is 406, which no gateway meets', async () => {
    const accept = async (call: string, value: string) =>
      (await app.call(call, { headers: { accept: value } })).status;
    const keys = 'GET /v1/admin/keys';
    expect(await accept(keys, 'text/csv')).toBe(406);
    expect(await accept(keys, 'application/json;q=0')).toBe(406);
    for (const value of ['*/*', 'text/html, */*;q=0.1', 'application/*', 'APPLICATION/JSON'])
      expect(await accept(keys, value)).toBe(200);
    expect(await accept('GET /v1/exports/focus.csv?period=2026-11', 'application/json')).toBe(406);
    expect(await accept('POST /v1/quota/reservations', 'text/csv')).toBe(400);
    expect(await accept('GET /v1/entities/nobody/statements/2026-11', 'text/html')).not.toBe(406);
  });

  it('long answers are compressed where that is asked for, those for gateways never', async () => {
    const asked = { headers: { 'accept-encoding': 'gzip' } };
    const long = await app.call('GET /v1/admin/prices?limit=100', asked);
    expect([long.headers.get('content-encoding'), long.body.object]).toEqual(['gzip', 'list']);
    const plain = await app.call('GET /v1/admin/prices?limit=100', {
      headers: { 'accept-encoding': 'identity' },
    });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(plain.text).toBe(long.text);
    for (const call of ['GET /livez', 'GET /v1/admin/plans/pro', 'POST /v1/quota/reservations'])
      expect((await app.call(call, asked)).headers.get('content-encoding')).toBeNull();
    const refused = { ...asked, body: Array.from({ length: 100 }, () => ({})) };
    const receipt = await app.call('POST /v1/usage/events', refused);
    expect([receipt.text.length > 4_000, receipt.headers.get('content-encoding')]).toEqual([true, null]);
  });

  it.each(['/openapi.json', '/docs/swagger-ui-bundle.js', '/docs/start.js', '/dashboard'])(
    '%s is served from memory, and not again to who has it',
    async (path) => {
      const first = await app.call(`GET ${path}`, { key: null });
      const etag = first.headers.get('etag') ?? '';
      expect([first.status, etag]).toEqual([200, expect.stringMatching(/^".+"$/)]);
      expect(first.headers.get('cache-control')).toBeTruthy();
      for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const again = await app.call(`GET ${path}`, { key: null, headers: { 'if-none-match': known } });
        expect([again.status, again.text]).toEqual([304, '']);
      }
      const plain = { key: null, headers: { 'accept-encoding': 'gzip;q=0', 'if-none-match': '"x"' } };
      const unpacked = await app.call(`GET ${path}`, plain);
      expect([unpacked.headers.get('content-encoding'), unpacked.text]).toEqual([null, first.text]);
    },
  );

  it.each([
    'POST /v1/quota/reservations?colour=red',
    'POST /v1/usage/events?colour=red',
    'GET /v1/admin/plans?colour=red',
    'DELETE /v1/admin/keys/key_1?colour=red',
    'GET /livez?colour=red',
    'PUT /v1/admin/plans/pro?colour=red',
  ])('%s is refused and names what this route does not know', async (call) => {
    const { status, body } = await app.call(call, { body: call.startsWith('P') ? {} : undefined });
    expect([status, body.error.param]).toEqual([400, 'colour']);
  });

  it('/metrics needs a key that is bound to no entity', async () => {
    expect((await app.call('GET /metrics', { key: null })).status).toBe(401);
    for (const role of ['finance', 'gateway'] as const) {
      expect((await app.call('GET /metrics', { key: await app.key(role) })).status).toBe(200);
      expect((await app.call('GET /metrics', { key: await app.key(role, 'entity1') })).status).toBe(403);
    }
  });
});

it('METRICS_PORT serves /metrics alone, without a key, until the service stops', async () => {
  const port = await freePort();
  const app = await anApp({ environment: { METRICS_PORT: String(port) } });
  const url = `http://127.0.0.1:${port}`;
  try {
    const metrics = await fetch(`${url}/metrics`);
    expect([metrics.status, await metrics.text()]).toEqual([200, expect.stringContaining('# HELP tally_')]);
    for (const path of ['/', '/v1/admin/keys', '/livez'])
      expect((await fetch(`${url}${path}`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await app.call('GET /metrics', { key: null })).status).toBe(401);
  } finally {
    await app.close();
  }
  await expect(fetch(`${url}/metrics`)).rejects.toThrow('fetch failed');
});

it('a request that comes too slowly is ended', async () => {
  const logger = new Logger('silent');
  const errors = new ErrorFilter(logger, { quotaDeniedStatus: 429 });
  const adapter = fastifyAdapter({
    errors,
    logger,
    metrics: new Metrics(),
    gateway: null,
    rewriteUrl: ({ url }) => url ?? '/',
    corsOrigins: [],
    guard: () => ({ enter: () => {} }),
    requestMs: 100,
  });
  const fastify = adapter.getInstance();
  fastify.post('/', () => ({}));
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
  try {
    const { maxConnections, headersTimeout, requestTimeout } = fastify.server;
    expect([maxConnections > 0, headersTimeout, requestTimeout]).toEqual([true, 50, 100]);
    expect(await answerTo(url, ['POST / HTTP/1.1', 'content-length: 10'])).toMatch(/^HTTP\/1\.1 408 /);
    expect(await answerTo(url, ['POST / HTTP/1.1', 'content-length: 2'], '{}')).toMatch(/^HTTP\/1\.1 200 /);
  } finally {
    await fastify.close();
  }
});
