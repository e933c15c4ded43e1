import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';

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
      return (await app.call('POST /v1/quota/reservations', { body })).body.hold_usd;
    };
    await app.call('PATCH /v1/admin/entities/entity1/limits', { body: { overage: 'allowed' } });
    expect(await hold()).toBe('0');
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

  it('a key bound to an entity sees the list prices and its own, and cannot publish a list price', async () => {
    await app.call('POST /v1/admin/prices', { body: { ...PRICE, entity: 'entity8' } });
    const key = await app.key('admin', 'entity9');
    await app.call('POST /v1/admin/prices', { key, body: { ...PRICE, entity: 'entity9' } });
    const { body } = await app.call('GET /v1/admin/prices?limit=100', { key });
    const entities = new Set(body.data.map((price: { entity: string | null }) => price.entity));
    expect(entities).toEqual(new Set([null, 'entity9']));
    expect((await app.call('POST /v1/admin/prices', { key, body: PRICE })).status).toBe(403);
  });
});
