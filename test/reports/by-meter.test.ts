import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { labelOf, type Meter } from '../../src/domain/meters.js';
import { anApp, type TestApp } from '../support/app.js';
import { checkFocus, readFocus } from '../support/focus-checker.js';
import { MIXED, MIXED_COST_USD, MIXED_LINES, MIXED_PRICE, recordMixedUsage } from '../support/mixed-usage.js';
import { bookkeepingOver } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';

const START = Date.parse('2026-11-22T00:00:00Z') / 1000;
const ORGANIZATION = { headers: { 'openai-organization': 'entity1' } };

/** In the order of the alphabet, as SQL has it. */
const byName = <T>(rows: readonly (readonly [string, ...T[]])[]) =>
  rows.toSorted(([a], [b]) => (a < b ? -1 : 1));

describe.each([
  ['hours and events', false],
  ['days', true],
])('usage of many meters, read from %s', (_name, isRolledUp) => {
  const clock = new TestClock();
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ clock });
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
    await recordMixedUsage(app, 'entity1');
    if (!isRolledUp) return;
    clock.set('2026-11-23T02:00:00Z');
    expect(await bookkeepingOver({ database: app.database, clock }).days.build()).toBe(1);
  });
  afterAll(() => app.close());

  const get = async (path: string) => (await app.call(`GET ${path}`, ORGANIZATION)).body;
  const resultsOf = async (path: string) =>
    (await get(`${path}&start_time=${START}&limit=1`)).data[0].results;

  it('shows on each event what was counted, at which unit prices, and what has no price', async () => {
    const { data } = await get('/v1/entities/entity1/events');
    const { model: _model, effective_from: _from, variants: _variants, ...unitPrices } = MIXED_PRICE;
    const [mixed, batch] = ['default', 'batch'].map((tier) =>
      data.find((event: { service_tier: string }) => event.service_tier === tier),
    );
    expect(mixed).toMatchObject({
      quantities: Object.fromEntries(MIXED_LINES.default.map(([meter, quantity]) => [meter, quantity])),
      unit_prices: unitPrices,
      unpriced: false,
      unpriced_meters: ['page'],
      input_tokens: 1_000,
      cached_input_tokens: 2_000,
      output_tokens: 670,
      reasoning_tokens: 70,
      region: null,
      attributes: null,
      unread: [],
      cost_usd: MIXED_COST_USD.default,
    });
    expect(batch).toMatchObject({
      quantities: { input: 1_000, output: 100, request: 1 },
      unit_prices: { input_usd_per_million: '1.5', output_usd_per_million: '7.5', request_usd: '0.0005' },
      unpriced_meters: [],
      cost_usd: MIXED_COST_USD.batch,
    });
    expect(batch.price_id).toBe(mixed.price_id);
    expect(batch.rate_id).not.toBe(mixed.rate_id);
  });

  it('finds events by version and by rate', async () => {
    const { data } = await get('/v1/entities/entity1/events');
    const [{ price_id, rate_id, event_id }] = data;
    expect((await get(`/v1/entities/entity1/events?price=${price_id}`)).data).toHaveLength(2);
    const found = (await get(`/v1/entities/entity1/events?rate=${rate_id}`)).data;
    expect(found.map((event: { event_id: string }) => event.event_id)).toEqual([event_id]);
    expect((await get('/v1/entities/entity1/events?rate=0')).data).toEqual([]);
  });

  const tokens = (usage: object) => ({
    input_tokens: 0,
    input_cached_tokens: 0,
    output_tokens: 0,
    input_audio_tokens: 0,
    output_audio_tokens: 0,
    num_model_requests: 1,
    ...usage,
  });
  const mixedTokens = tokens({
    input_tokens: 3_750,
    input_cached_tokens: 2_000,
    output_tokens: 670,
    input_audio_tokens: 50,
    input_uncached_tokens: 1_050,
    input_cache_write_tokens: 700,
    input_text_tokens: 1_000,
    output_text_tokens: 670,
  });

  it.each(['', '&group_by=user_id', '&group_by=api_key_id'])(
    'counts tokens as OpenAI does, by tier and batch%s',
    async (group) => {
      const path = `/v1/organization/usage/completions?group_by=service_tier&group_by=batch${group}`;
      expect(await resultsOf(path)).toMatchObject([
        { ...mixedTokens, service_tier: 'default', batch: false },
        { ...tokens({ input_tokens: 1_000, output_tokens: 100 }), service_tier: 'batch', batch: true },
      ]);
    },
  );

  it.each([
    ['true', 1_000],
    ['false', 3_750],
  ])('narrows to batch=%s', async (batch, inputTokens) => {
    const results = await resultsOf(`/v1/organization/usage/completions?batch=${batch}`);
    expect(results).toMatchObject([{ input_tokens: inputTokens, batch: null, service_tier: null }]);
  });

  it.each(['', '&group_by=api_key_id', '&group_by=project_id'])(
    'has a line item for each meter, which add up to the costs%s',
    async (group) => {
      const lines = await resultsOf(`/v1/organization/costs?group_by=line_item${group}`);
      const expected = MIXED_LINES.default.map(([meter, quantity, usd]) => {
        const also = MIXED_LINES.batch.find((line) => line[0] === meter);
        const [more, moreUsd] = also === undefined ? [0, 0] : [also[1], Number(also[2])];
        return [meter, quantity + more, Number((Number(usd) + moreUsd).toFixed(12))] as const;
      });
      expect(
        lines.map(({ line_item, quantity, amount }: Record<string, { value: number }>) => [
          line_item,
          quantity,
          amount!.value,
        ]),
      ).toEqual(
        byName(expected).map(([meter, ...rest]) => [`${MIXED}, ${labelOf(meter as Meter)}`, ...rest]),
      );
      const [{ amount }] = await resultsOf(`/v1/organization/costs?${group.slice(1)}`);
      expect(String(amount.value)).toBe(MIXED_COST_USD.both);
    },
  );

  it('sums quantities and costs by meter', async () => {
    const { data } = await get('/v1/entities/entity1/usage');
    expect(data).toMatchObject([
      {
        project: 'p',
        model: MIXED,
        requests: 2,
        input_tokens: 2_000,
        cached_input_tokens: 2_000,
        output_tokens: 770,
        quantities: { input: 2_000, cache_write: 300, cache_write_1h: 400, search: 3, request: 2, page: 2 },
        meter_costs_usd: { input: '0.0045', output: '0.00975', search: '0.03', request: '0.0015', page: '0' },
        unpriced_meters: ['page'],
        cost_usd: MIXED_COST_USD.both,
      },
    ]);
    const [day] = (await get('/v1/entities/entity1/activity')).days;
    expect(day).toMatchObject({
      quantities: { input: 2_000, search: 3, page: 2 },
      cost_usd: MIXED_COST_USD.both,
    });
  });

  it('marks what has no price', async () => {
    const { marks, periods } = await get('/v1/entities/entity1/activity');
    expect(marks).toMatchObject({
      unpriced_requests: 0,
      unpriced_models: [],
      unpriced: [{ model: MIXED, quantities: { page: 2 } }],
    });
    expect(periods).toMatchObject([{ ok: true, charged_usd: MIXED_COST_USD.both }]);
  });

  it('is a FOCUS row for each meter and rate, without a price where there is none', async () => {
    const { text } = await app.call('GET /v1/exports/focus.csv?period=2026-11&entity=entity1');
    expect(checkFocus(text)).toEqual([]);
    const rows = readFocus(text);
    const shown = (tier: string) =>
      rows
        .filter((row) => row['x_ServiceTier'] === tier)
        .map((row) => [row['SkuId'], row['ConsumedQuantity'], row['BilledCost']]);
    for (const tier of ['default', 'batch'] as const) {
      expect(shown(tier)).toEqual(
        MIXED_LINES[tier].map(([meter, quantity, usd]) => [
          `${MIXED}-${meter.replaceAll('_', '-')}`,
          String(quantity),
          usd,
        ]),
      );
    }
    const prices = rows.filter((row) => row['SkuId'] === `${MIXED}-input`).map((row) => row['ListUnitPrice']);
    expect(new Set(prices)).toEqual(new Set(['1.5', '3']));
    // The rounding of the whole statement is no SKU.
    const skus = rows.filter((row) => row['SkuId'] !== null);
    expect(skus.filter((row) => row['ListUnitPrice'] === null).map((row) => row['SkuId'])).toEqual([
      `${MIXED}-page`,
    ]);
  });

  it('has a line of the statement for each meter and rate, whose quantity times unit price is its cost', async () => {
    const { charges } = await get('/v1/entities/entity1/statements/2026-11');
    for (const tier of ['default', 'batch'] as const) {
      const lines = charges.lines.filter((line: { service_tier?: string }) => line.service_tier === tier);
      expect(
        lines.map((line: Record<string, unknown>) => [line['meter'], line['quantity'], line['exact_usd']]),
      ).toEqual(MIXED_LINES[tier]);
      for (const line of lines) {
        const { data } = await get(line.events_url);
        expect(data.map((event: { rate_id: string }) => event.rate_id)).toEqual([line.rate_id]);
        expect(data[0].quantities[line.meter]).toBe(line.quantity);
      }
    }
    const priced = new Map<string, Record<string, unknown>>(
      charges.lines
        .filter((line: { service_tier?: string }) => line.service_tier === 'default')
        .map((line: { label: string }) => [line.label, line]),
    );
    expect(priced.get('cache write, 1 hour')).toMatchObject({
      unit: 'token',
      unit_price_usd_per_million: '6',
      unit_price_usd: null,
    });
    expect(priced.get('web search')).toMatchObject({
      unit: 'one',
      unit_price_usd_per_million: null,
      unit_price_usd: '0.01',
    });
    expect(priced.get('page')).toMatchObject({ unit_price_usd_per_million: null, unit_price_usd: null });
    expect(charges.exact_usd).toBe(MIXED_COST_USD.both);
    const page = await app.call('GET /v1/entities/entity1/statements/2026-11', {
      headers: { accept: 'text/html' },
    });
    for (const shown of [
      'Cache write, 1 hour',
      'Web search',
      'each',
      'per million',
      'Tier batch',
      'No price yet',
    ])
      expect(page.text).toContain(shown);
    expect(page.text.match(/<td rowspan="10">p<\/td>/g)).toHaveLength(1);
  });
});
