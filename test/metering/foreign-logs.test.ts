/** Logs of other programs that somebody points at the door for events. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { litellmBatch, recorded } from '../support/litellm-logs.js';
import { until } from '../support/until.js';

let app: TestApp;
beforeAll(async () => {
  app = await anApp({ role: 'all' });
});
afterAll(() => app.close());

const letters = async () => (await app.call('GET /v1/admin/dead_letters')).body.data;
const report = (body: unknown) => app.call('POST /v1/usage/events', { body });
const counted = async () => (await app.postgres.pool.query('select id from usage_events')).rows.length;

describe('a log of another program', () => {
  it.each([
    ['LiteLLM, in a batch', litellmBatch(), 'POST /v1/usage/litellm'],
    ['LiteLLM, alone', recorded('chat'), 'POST /v1/usage/litellm'],
    ["LiteLLM's openmeter logger", recorded('openmeter'), 'generic_api'],
    ["LiteLLM's lago logger", recorded('lago'), 'generic_api'],
    ["Portkey's webhook", recorded('portkey'), 'an event of your own'],
    ['an OpenTelemetry exporter', recorded('openllmetry'), 'no basis for a bill'],
  ])(
    '%s: is answered 422 with what to use in its place, and is no dead letter',
    async (_of, body, instead) => {
      const { status, body: receipt } = await report(body);
      expect([status, receipt.accepted]).toEqual([422, 0]);
      expect(receipt.rejected.length).toBe(Array.isArray(body) ? body.length : 1);
      for (const { code, message } of receipt.rejected) {
        expect(code).toBe('foreign_log');
        expect(message).toContain(instead);
      }
      // What was refused before is a dead letter once this one is counted.
      const before = await counted();
      await report(anEventBody());
      await until('what came later is counted', async () => (await counted()) === before + 1);
      expect(await letters()).toEqual([]);
    },
  );

  it.each(['openmeter', 'lago', 'portkey'])('%s at the door of LiteLLM is answered alike', async (name) => {
    const { status, body } = await app.call('POST /v1/usage/litellm', { body: [recorded(name)] });
    expect([status, body.rejected[0].code]).toEqual([422, 'foreign_log']);
  });

  it('refuses no event beside it', async () => {
    const { status, body } = await report([recorded('openmeter'), anEventBody()]);
    expect([status, body.accepted, body.rejected.length]).toEqual([202, 1, 1]);
  });

  it('as lines of JSON is a 400, which loses nothing in silence', async () => {
    const lines = litellmBatch().map((log) => JSON.stringify(log));
    expect((await report(lines.join('\n'))).status).toBe(400);
  });
});
