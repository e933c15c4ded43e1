/** `GET /`: the first thing that somebody asks a running service. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

let app: TestApp;
beforeAll(async () => {
  app = await anApp();
});
afterAll(() => app.close());

describe('GET /', () => {
  it('leads a browser to the dashboard, without a key', async () => {
    const answer = await fetch(`${app.url}/`, { redirect: 'manual', headers: { accept: BROWSER } });
    expect([answer.status, answer.headers.get('location'), answer.headers.get('vary')]).toEqual([
      303,
      '/dashboard',
      expect.stringContaining('accept'),
    ]);
    expect((await app.call('GET /', { key: null, headers: { accept: BROWSER } })).text).toContain('<html');
  });

  it.each([undefined, '*/*', 'application/json'])(
    'gives a program that accepts %j links that work',
    async (accept) => {
      const headers: Record<string, string> = accept === undefined ? {} : { accept };
      const { status, body } = await app.call('GET /', { key: null, headers });
      const { openapi_url, docs_url, dashboard_url, ...about } = body;
      const { body: document } = await app.call(`GET ${openapi_url}`, { key: null });
      expect([status, about]).toEqual([
        200,
        { object: 'service', name: 'tally', version: document.info.version },
      ]);
      for (const url of [docs_url, dashboard_url])
        expect([url, (await app.call(`GET ${url}`, { key: null })).status]).toEqual([url, 200]);
    },
  );
});
