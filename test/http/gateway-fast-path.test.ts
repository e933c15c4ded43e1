import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ErrorFilter } from '../../src/http/error-filter.js';
import { serveUsualCalls, type Served } from '../../src/http/gateway-fast-path.js';
import type { GatewayRoute } from '../../src/http/gateway-routes.js';
import { Logger } from '../../src/platform/logger.js';

const HOLD: GatewayRoute<null> = {
  method: 'POST',
  path: '/v1/holds/:id/extend',
  operationId: 'Holds.extend',
  role: 'gateway',
  scope: 'own',
  summary: 'A route',
  body: z.strictObject({ seconds: z.int() }).nullish(),
  answer: async (_, { params, body }) => ({ params: params ?? null, body: body ?? null }),
};

describe('the fast path of gateway routes', () => {
  let server: Server;
  const served: Served[] = [];
  beforeAll(async () => {
    // What Fastify would answer.
    server = createServer((_, response) => response.end('other'));
    serveUsualCalls(server, {
      api: {
        routes: [HOLD],
        services: () => ({ calls: null, guard: { admit: () => {}, noteRefusal: () => {} } }),
      },
      errors: new ErrorFilter(new Logger('silent'), { quotaDeniedStatus: 429 }),
      requestIdOf: (header) => (typeof header === 'string' ? header : 'req_new'),
      note: (each) => served.push(each),
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());

  type Sent = {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    pieces?: readonly (string | Buffer)[];
  };

  async function send({ method = 'POST', path = '/v1/holds/a/extend', headers = {}, pieces = [] }: Sent) {
    const { port } = server.address() as AddressInfo;
    const length = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
    const usual =
      length === 0 ? {} : { 'content-type': 'application/json', 'content-length': String(length) };
    const sent = request({ port, method, path, headers: { ...usual, ...headers } });
    sent.setNoDelay();
    for (const piece of pieces) await new Promise<void>((resolve) => sent.write(piece, () => resolve()));
    sent.end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    return { status: answer.statusCode, headers: answer.headers, text };
  }

  it('answers the usual call, also where its body comes in pieces', async () => {
    const pieces = ['{"sec', 'onds":', Buffer.from('60}')];
    const { status, headers, text } = await send({ pieces, headers: { 'x-request-id': 'req_1' } });
    expect([status, headers['x-request-id'], headers['content-type']]).toEqual([
      200,
      'req_1',
      'application/json; charset=utf-8',
    ]);
    expect(JSON.parse(text)).toEqual({ params: null, body: { seconds: 60 } });
    expect(served.at(-1)).toMatchObject({ id: 'req_1', route: '/v1/holds/:id/extend', status: 200 });
  });

  it('answers a call without a body', async () => {
    expect(JSON.parse((await send({})).text)).toEqual({ params: null, body: null });
  });

  it('answers a body that is wrong with the error that names it', async () => {
    const { status, text } = await send({ pieces: ['{"seconds":"x"}'] });
    expect(status).toBe(400);
    expect(JSON.parse(text).error).toMatchObject({ code: 'invalid_request', param: 'seconds' });
  });

  const UNUSUAL: Record<string, Sent> = {
    'another method': { method: 'PUT' },
    'a query': { path: '/v1/holds/a/extend?x=1' },
    'a slash at the end': { path: '/v1/holds/a/extend/' },
    'an encoded id': { path: '/v1/holds/%61/extend' },
    'another path': { path: '/v1/holds/a/b/extend' },
    'a body of unknown length': {
      headers: { 'transfer-encoding': 'chunked', 'content-type': 'application/json' },
    },
    'a compressed body': { headers: { 'content-encoding': 'gzip' }, pieces: ['{}'] },
    'a body of another type': { headers: { 'content-type': 'text/plain' }, pieces: ['{}'] },
    'a long body': { pieces: [' '.repeat(20_000)] },
  };

  it.each(Object.keys(UNUSUAL))('leaves a request with %s to Fastify', async (what) => {
    expect((await send(UNUSUAL[what]!)).text).toBe('other');
  });

  it('outlives a caller that hangs up within the body', async () => {
    const { port } = server.address() as AddressInfo;
    const headers = { 'content-type': 'application/json', 'content-length': '10' };
    const sent = request({ port, method: 'POST', path: '/v1/holds/a/extend', headers });
    sent.on('error', () => {});
    const seen = once(server, 'request') as Promise<[IncomingMessage]>;
    sent.write('{"sec');
    const [received] = await seen;
    const gone = new Promise<void>((resolve) => received.once('close', () => resolve()));
    sent.destroy();
    await gone;
    expect((await send({ pieces: ['{"seconds":60}'] })).status).toBe(200);
  });
});
