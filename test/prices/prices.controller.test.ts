import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

import { anEvent, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';
import { aPriceTermsBody } from './price-terms-arbitrary.js';
import fc from 'fast-check';

const PRICE = { model: 'new-model', input_usd_per_million: '1.5', output_usd_per_million: '3' };

describe('the price book over HTTP', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  it('lists the first price book', async () => {
    const { body } = await app.call(`GET /v1/admin/prices?model=${LLAMA}`);
    expect(body.data).toMatchObject([
      {
        object: 'price',
        model: LLAMA,
        entity: null,
        input_usd_per_million: '0.71',
        cached_input_usd_per_million: null,
      },
    ]);
    const first = await app.call('GET /v1/admin/prices?limit=4');
    const second = await app.call(`GET /v1/admin/prices?limit=100&after=${first.body.last_id}`);
    expect([first.body.has_more, second.body.has_more]).toEqual([true, false]);
    expect(first.body.data.length + second.body.data.length).toBe(10);
  });

  it('a published price applies to the next hold', async () => {
    const hold = async () => {
      const body = { project: 'entity1/p', model: 'new-model', input_tokens: 1_000, max_output_tokens: 0 };
      const answer = await app.call('POST /v1/quota/reservations', { body });
      return answer.body.hold_usd ?? answer.body.error.code;
    };
    await app.limit('entity1', { overage: 'allowed' });
    expect(await hold()).toBe('model_not_found');
    const { status, body } = await app.call('POST /v1/admin/prices', { body: PRICE });
    expect([status, body]).toMatchObject([
      201,
      {
        object: 'price',
        ...PRICE,
        entity: null,
        effective_from: '2026-11-22T12:00:00.000Z',
      },
    ]);
    expect(await hold()).toBe('0.0015');
    const own = {
      ...PRICE,
      entity: 'entity1',
      input_usd_per_million: '0.5',
      effective_from: '2026-11-01T00:00:00Z',
    };
    await app.call('POST /v1/admin/prices', { body: own });
    expect(await hold()).toBe('0.0005');
  });

  it('a version that exists is a conflict; under the same idempotency key the first answer is repeated', async () => {
    const order = {
      body: { ...PRICE, model: 'twice', effective_from: '2026-11-01' },
      headers: { 'idempotency-key': 'p1' },
    };
    const [first, again] = [
      await app.call('POST /v1/admin/prices', order),
      await app.call('POST /v1/admin/prices', order),
    ];
    expect([first.status, again.status, again.text]).toEqual([201, 201, first.text]);
    const other = await app.call('POST /v1/admin/prices', { body: order.body });
    expect([other.status, other.body.error.code]).toEqual([409, 'conflict']);
  });

  it('gives a price back exactly as it was given', async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(aPriceTermsBody, async (terms) => {
        const model = `as-given-${(number += 1)}`;
        const order = { model, ...terms, max_input_tokens: 10, max_output_tokens: 20, source: 'a sheet' };
        const published = await app.call('POST /v1/admin/prices?allow_free=true', { body: order });
        expect([published.status, published.body]).toMatchObject([201, order]);
        const { body } = await app.call(`GET /v1/admin/prices?model=${model}`);
        const { charged_events: charged, waiting_events: waiting, ...price } = published.body;
        expect([charged, waiting, body.data]).toEqual([0, 0, [price]]);
        const own = Object.keys(price).filter(
          (field) => /_usd|^variants$/.test(field) && price[field] !== null,
        );
        const given = Object.entries(terms).filter(([, value]) => value !== null);
        expect(own.toSorted()).toEqual(given.map(([field]) => field).toSorted());
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['a field that nobody knows', { inputs_usd_per_million: '1' }, 'inputs_usd_per_million'],
    ['a token price for one', { input_usd: '1' }, 'input_usd'],
    ['a price as a number', { input_usd_per_million: 1 }, 'input_usd_per_million'],
    ['a price below a picodollar', { input_usd_per_million: '0.0000001' }, 'input_usd_per_million'],
    [
      'an unknown condition',
      { variants: [{ when: { tier: 'flex' }, input_usd_per_million: '1' }] },
      'variants.0.when.tier',
    ],
    ['a variant without prices', { variants: [{ when: { region: 'eu' } }] }, 'variants.0'],
    [
      'a variant of the default tier',
      { variants: [{ when: { service_tier: 'standard' }, page_usd: '1' }] },
      'variants.0.when.service_tier',
    ],
    ['no price at all', {}, 'body'],
    ['a multiplier of nothing', { variants: [{ when: { region: 'eu' }, multiplier: '1.1' }] }, 'body'],
    ['a price of 0 for everything', { input_usd_per_million: '0', output_usd_per_million: '0' }, 'body'],
    ['too many combinations', { page_usd: '1', variants: manyVariants() }, 'variants'],
  ])('refuses %s and names the field', async (_, terms, param) => {
    const { status, body } = await app.call('POST /v1/admin/prices', {
      body: { model: 'refused', ...terms },
    });
    expect([status, body.error.param]).toEqual([400, param]);
    expect((await app.call('GET /v1/admin/prices?model=refused')).body.data).toEqual([]);
  });

  it('publishes a free model where that is asked for', async () => {
    const body = { model: 'free', input_usd_per_million: '0', output_usd_per_million: '0' };
    expect((await app.call('POST /v1/admin/prices?allow_free=true', { body })).status).toBe(201);
  });

  it('shows what waits for a price; the first price answers how much it charges, and has charged it', async () => {
    await recordUsage(app, [
      anEvent({ model: 'waiting/model', quantities: { input: 1_000_000, search: 2 } }),
      anEvent({ model: 'waiting/model', quantities: { input: 1_000_000 }, subject: 'entity2/p' }),
    ]);
    const waiting = async (query = '') =>
      (await app.call(`GET /v1/admin/prices/unpriced?model=waiting/model${query}`)).body;
    const first = await waiting('&limit=1');
    expect(first).toMatchObject({ has_more: true, last_id: 'entity1/waiting/model' });
    expect((await waiting(`&after=${first.last_id}`)).data).toMatchObject([{ entity: 'entity2', events: 1 }]);
    expect(first.data).toEqual([
      {
        object: 'unpriced_usage',
        id: 'entity1/waiting/model',
        model: 'waiting/model',
        entity: 'entity1',
        events: 1,
        first_occurred_at: '2026-11-22T11:30:00.000Z',
        last_occurred_at: '2026-11-22T11:30:00.000Z',
        quantities: { input: 1_000_000, search: 2 },
      },
    ]);
    const { body } = await app.call('POST /v1/admin/prices', { body: { ...PRICE, model: 'waiting/model' } });
    expect(body).toMatchObject({
      effective_from: '2026-11-22T11:30:00.000Z',
      charged_events: 2,
      waiting_events: 1,
    });
    expect((await waiting()).data).toMatchObject([{ entity: 'entity1', quantities: { search: 2 } }]);
  });
});

/** Prices of tokens in 11 tiers × 11 regions × 11 speeds. */
function manyVariants(): object[] {
  const conditions = Array.from({ length: 10 }, (_, place) => [
    { service_tier: `tier-${place}` },
    { region: `region-${place}` },
    { attributes: { speed: `speed-${place}` } },
  ]);
  return conditions.flat().map((when) => ({ when, input_usd_per_million: '1' }));
}
