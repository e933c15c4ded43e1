import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';

/** As LiteLLM's model_prices_and_context_window.json has them. */
const MAP = {
  sample_spec: { input_cost_per_token: 0, mode: 'one of: chat, embedding' },
  [LLAMA]: {
    input_cost_per_token: 7.1e-7,
    output_cost_per_token: 7.1e-7,
    litellm_provider: 'x',
    mode: 'chat',
  },
  'together/new': {
    input_cost_per_token: 6e-8,
    output_cost_per_token: 1.2e-7,
    cache_read_input_token_cost: 3e-8,
    max_input_tokens: 1_000_000,
    max_output_tokens: 32_768,
  },
  'image-model': { output_cost_per_image: 0.04 },
  absurd: { input_cost_per_token: 0.71, output_cost_per_token: 0.71 },
};

describe('importing a price map', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  const count = async () => (await app.call('GET /v1/admin/prices?limit=100')).body.data.length;

  it('reports with dry_run what it would change and what cannot be charged by the token, and changes nothing', async () => {
    const before = await count();
    const { status, body } = await app.call('POST /v1/admin/prices/import?dry_run=true', { body: MAP });
    expect([status, body]).toMatchObject([
      200,
      {
        object: 'price_import',
        dry_run: true,
        changes: [
          {
            model: 'together/new',
            before: null,
            after: {
              input_usd_per_million: '0.06',
              cached_input_usd_per_million: '0.03',
              output_usd_per_million: '0.12',
            },
          },
        ],
        unchanged: 1,
        skipped: [
          { model: 'image-model', reason: expect.stringContaining('input_cost_per_token') },
          { model: 'absurd', reason: expect.stringContaining('0.01') },
        ],
      },
    ]);
    expect(await count()).toBe(before);
  });

  it('publishes what differs with one audit entry, and changes nothing when repeated', async () => {
    const before = await count();
    const first = await app.call('POST /v1/admin/prices/import', { body: MAP });
    const again = await app.call('POST /v1/admin/prices/import', { body: MAP });
    expect([first.body.changes.length, again.body.changes.length, again.body.unchanged]).toEqual([1, 0, 2]);
    expect(await count()).toBe(before + 1);
    const audit = await app.call('GET /v1/admin/audit_log');
    const imports = audit.body.data.filter((entry: { action: string }) => entry.action === 'prices.import');
    expect(imports).toMatchObject([{ after: { models: ['together/new'] } }]);
  });

  it.each([
    ['an array', []],
    ['a number', 7],
    ['null', null],
  ])('answers 400 to %s', async (_, body) => {
    expect((await app.call('POST /v1/admin/prices/import', { body })).status).toBe(400);
  });

  it('gives a reason for each entry that it cannot read, whatever the entry is', async () => {
    const odd = {
      a: null,
      b: [],
      c: { input_cost_per_token: '1' },
      'd\u0000': { input_cost_per_token: 1e-6 },
      e: { input_cost_per_token: -1 },
      ['f'.repeat(300)]: {},
    };
    const { status, body } = await app.call('POST /v1/admin/prices/import', { body: odd });
    expect([status, body.changes, body.skipped.length]).toEqual([200, [], 6]);
  });
});
