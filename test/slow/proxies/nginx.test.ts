/** The example configuration for nginx, in a real nginx, in front of the real service. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/platform/embedded/server-process.js';
import { anApp, type TestApp } from '../../support/app.js';
import { LLAMA } from '../../support/builders.js';
import { findNginx, startNginx, type Nginx } from '../../support/nginx.js';

const CONFIGURATION = new URL('../../../docs/proxies/nginx.conf', import.meta.url);

const nginx = await findNginx();
if (typeof nginx === 'string') console.warn(`The configuration for nginx is not tested here: ${nginx}`);

describe('nginx with our configuration', () => {
  let app: TestApp;
  let models: Server;
  let proxy: Nginx | null = null;
  let url: string;
  let seen: string[] = [];

  beforeAll(async () => {
    app = await anApp();
    models = createServer((request, response) => {
      request.resume();
      seen.push(`${request.method} ${request.url}`);
      response.writeHead(request.url === '/v1/broken' ? 500 : 200).end('{"from":"the model"}');
    });
    models.listen(0, '127.0.0.1');
    await once(models, 'listening');
    if (typeof nginx === 'string') return;
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const text = await readFile(CONFIGURATION, 'utf8');
    const configuration = text
      .replace('127.0.0.1:3000', new URL(app.url).host)
      .replace('127.0.0.1:8000', `127.0.0.1:${(models.address() as AddressInfo).port}`)
      .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replaceAll('TALLY_API_KEY', await app.key('gateway'));
    proxy = await startNginx(nginx, configuration, url);
  });
  afterAll(async () => {
    await proxy?.stop();
    models.closeAllConnections();
    models.close();
    await app.close();
  });
  beforeEach(() => {
    seen = [];
  });

  const chat = (path = '/v1/chat/completions', key = 'some-key-value') =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'openai-project': 'another/project' },
      body: '{"model":"m"}',
    });
  const limits = (body: object) => app.limit('entity1', body);
  const errorOf = async (response: Response) =>
    ((await response.json()) as { error: Record<string, unknown> }).error;

  /** Without nginx there is nothing to test; the reason has been printed. */
  const withNginx = (test: () => Promise<void>) => async () => {
    if (typeof nginx !== 'string') await test();
  };

  it(
    'passes on an allowed request with its body, and the model’s own errors unchanged',
    withNginx(async () => {
      await limits({ monthly_cap_usd: '1', overage: 'allowed', max_concurrent_requests: null });
      const answer = await chat();
      expect([answer.status, await answer.json()]).toEqual([200, { from: 'the model' }]);
      expect((await chat('/v1/broken')).status).toBe(500);
      expect(seen).toEqual(['POST /v1/chat/completions', 'POST /v1/broken']);
    }),
  );

  it(
    'passes on a denial in OpenAI’s words, with the limit and the decision',
    withNginx(async () => {
      await limits({ monthly_cap_usd: '0', overage: 'allowed', max_concurrent_requests: null });
      const denied = await chat();
      expect([denied.status, denied.headers.get('content-type')]).toEqual([429, 'application/json']);
      expect(await errorOf(denied)).toEqual({
        message: 'You exceeded your current quota, please check your plan and billing details',
        type: 'insufficient_quota',
        param: null,
        code: 'insufficient_quota',
      });
      const header = (name: string) => denied.headers.get(name);
      expect([header('x-should-retry'), header('retry-after'), header('x-quota-limit')]).toEqual([
        'false',
        null,
        'entity_monthly_cap',
      ]);
      expect(header('x-quota-decision')).toMatch(/^dec_.*\.entity1$/);
      expect(seen).toEqual([]);
    }),
  );

  it(
    'says when waiting helps',
    withNginx(async () => {
      await limits({ monthly_cap_usd: '1', overage: 'allowed', max_concurrent_requests: 1 });
      const held = await app.call('POST /v1/quota/reservations', {
        body: { project: 'entity1/project1', model: LLAMA, input_tokens: 1, max_output_tokens: 0 },
      });
      const denied = await chat();
      expect([denied.status, denied.headers.get('retry-after')]).toEqual([429, '1']);
      expect(denied.headers.get('x-should-retry')).toBeNull();
      expect(await errorOf(denied)).toMatchObject({ code: 'rate_limit_exceeded', type: 'requests' });
      await app.call(`POST /v1/quota/reservations/${held.body.id}/release`);
      expect((await chat()).status).toBe(200);
    }),
  );

  it(
    'refuses an unknown caller without asking Tally',
    withNginx(async () => {
      const refused = await chat('/v1/chat/completions', 'wrong');
      expect([refused.status, (await errorOf(refused))['code']]).toEqual([401, 'invalid_api_key']);
      expect(seen).toEqual([]);
    }),
  );

  it(
    'answers overloaded, and lets nothing through, where Tally refuses its key or does not answer',
    withNginx(async () => {
      const keys = await app.call('GET /v1/admin/keys');
      const gateway = keys.body.data.find((key: { role: string }) => key.role === 'gateway');
      await app.call(`DELETE /v1/admin/keys/${gateway.id}`);
      const refused = await chat();
      expect([refused.status, (await errorOf(refused))['code']]).toEqual([503, 'overloaded']);
      expect(seen).toEqual([]);
    }),
  );
});
