import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

const PRICE = { input_usd_per_million: '1', output_usd_per_million: '2' };
const ENTRY = { mode: 'chat', input_cost_per_token: 3e-6, output_cost_per_token: 4e-6 };

const clock = new TestClock();
let app: TestApp;
beforeAll(async () => (app = await anApp({ clock })));
afterAll(() => app.close());

const publish = (order: object, query = '') =>
  app.call(`POST /v1/admin/prices${query}`, { body: { ...PRICE, ...order } });
const list = async (query: string) => (await app.call(`GET /v1/admin/prices?limit=100&${query}`)).body.data;
const shown = (prices: readonly { entity: string | null; effective_from: string }[]) =>
  prices.map(({ entity, effective_from: from }) => `${entity} ${from.slice(0, 10)}`);

describe('price versions', () => {
  beforeAll(async () => {
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    await app.call('PUT /v1/admin/entities/entity2', { body: { plan: 'free' } });
    for (const effective_from of ['2026-01-01', '2026-06-01', '2026-12-01']) {
      await publish({ model: 'l/one', effective_from, source: `sheet ${effective_from}` });
      await publish({ model: 'l/one', entity: 'entity1', effective_from, source: 'a contract' });
    }
  });

  it('are read one by one, as they are listed', async () => {
    const [price] = await list('model=l/one');
    expect((await app.call(`GET /v1/admin/prices/${price.id}`)).body).toEqual(price);
  });

  it.each(['999999999', '0', 'none', '-1', '1.5', '99999999999999999999', 'unpriced2'])(
    'that are none are a 404: %s',
    async (id) => {
      const { status, body } = await app.call(`GET /v1/admin/prices/${id}`);
      expect([status, body.error.code]).toEqual([404, 'not_found']);
    },
  );

  it('are listed as they are in force at a time, one of each model and entity', async () => {
    expect(shown(await list('model=l/one&at=2026-07-01'))).toEqual(
      expect.arrayContaining(['null 2026-06-01', 'entity1 2026-06-01']),
    );
    expect((await list('model=l/one&at=2026-07-01')).length).toBe(2);
    expect(shown(await list(`model=l/one&at=${Date.UTC(2026, 0, 1) / 1_000}`)).length).toBe(2);
    expect(await list('model=l/one&at=2025-12-31T23:59:59Z')).toEqual([]);
    expect(shown(await list('model=l/one&at=2030-01-01T00:00:00Z'))).toContain('null 2026-12-01');
  });

  it('are listed by their source, and by all filters at once', async () => {
    expect(shown(await list('source=sheet%202026-06-01'))).toEqual(['null 2026-06-01']);
    expect((await list('source=a%20contract&model=l/one')).length).toBe(3);
    expect(await list('source=a%20contract&at=2026-07-01&model=l/one&entity=entity2')).toEqual([]);
    const paged: string[] = [];
    for (let after = ''; ;) {
      const { body } = await app.call(`GET /v1/admin/prices?limit=1&source=a%20contract&model=l/one${after}`);
      paged.push(...shown(body.data));
      if (body.has_more !== true) break;
      after = `&after=${body.last_id}`;
    }
    expect(paged).toEqual(['entity1 2026-12-01', 'entity1 2026-06-01', 'entity1 2026-01-01']);
  });

  it.each([
    ['a time that is none', 'at=yesterday', 'at'],
    ['a time before there was any', 'at=1', 'at'],
    ['a cursor that is none', 'after=999999999', 'after'],
    ['a filter that is none', 'state=now', 'state'],
  ])('are not listed by %s', async (_, query, param) => {
    const answer = await app.call(`GET /v1/admin/prices?${query}`);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });
});

describe('a dry run of a publication', () => {
  it('answers what the publication would, with what it would charge, and publishes nothing', async () => {
    await recordUsage(app, [anEvent({ model: 'l/dry', quantities: { input: 1_000_000, search: 1 } })]);
    const order = { model: 'l/dry' };
    const tried = await publish(order, '?dry_run=true');
    expect([tried.status, tried.body]).toMatchObject([
      201,
      { effective_from: '2026-11-22T11:30:00.000Z', charged_events: 1, waiting_events: 1 },
    ]);
    expect(await list('model=l/dry')).toEqual([]);
    const { data } = (await app.call('GET /v1/admin/audit_log?limit=100')).body;
    expect(data.filter(({ target }: { target: string }) => target === 'l/dry')).toEqual([]);
    const published = await publish(order);
    expect({ ...published.body, id: '' }).toEqual({ ...tried.body, id: '' });
  });

  it('refuses what the publication would refuse', async () => {
    expect((await publish({ model: 'l/dry', ...zero() }, '?dry_run=true')).status).toBe(400);
    expect((await publish({ model: 'l/one', effective_from: '2026-06-01' }, '?dry_run=true')).status).toBe(
      409,
    );
  });

  it('leaves its idempotency key unused', async () => {
    const headers = { 'idempotency-key': 'dry-price' };
    const body = { model: 'l/dry-key', ...PRICE };
    await app.call('POST /v1/admin/prices?dry_run=true', { body, headers });
    const published = await app.call('POST /v1/admin/prices', { body, headers });
    expect([published.status, published.headers.get('idempotent-replayed')]).toEqual([201, null]);
  });
});

describe('a price that somebody sets', () => {
  it('may not pass for one of an import, which the next import would replace without a word', async () => {
    const answer = await publish({ model: 'l/copied', source: 'price map' });
    expect([answer.status, answer.body.error.param]).toEqual([400, 'source']);
  });

  it('is not replaced by an import, whatever its source is', async () => {
    for (const source of ['admin', 'Price map', 'price map ', 'a sheet']) {
      clock.advance(1_000);
      await publish({ model: `l/${source.trim()}${source.length}`, source });
      const map = { [`l/${source.trim()}${source.length}`]: ENTRY };
      const { body } = await app.call('POST /v1/admin/prices/import', { body: map });
      expect([body.changes, body.kept.length]).toEqual([[], 1]);
    }
  });
});

describe('the audit log', () => {
  it('has before and after of a price that is published, and both versions of each that an import replaces', async () => {
    clock.advance(1_000);
    const first = await publish({ model: 'l/audited' });
    clock.advance(1_000);
    const second = await publish({ model: 'l/audited', ...PRICE, input_usd_per_million: '5' });
    const entries = async (action: string) =>
      (await app.call('GET /v1/admin/audit_log?limit=100')).body.data.filter(
        (entry: { action: string; target: string }) => entry.action === action,
      );
    const [published] = await entries('prices.publish');
    expect(published).toMatchObject({
      target: 'l/audited',
      before: { id: first.body.id, terms: { input_usd_per_million: '1' }, source: 'admin' },
      after: { id: second.body.id, terms: { input_usd_per_million: '5' }, source: 'admin' },
    });
    clock.advance(1_000);
    const body = { 'l/audited': ENTRY, 'l/imported': ENTRY };
    await app.call('POST /v1/admin/prices/import?overwrite=true', { body });
    const [imported] = await entries('prices.import');
    const [now] = await list('model=l/audited');
    const [other] = await list('model=l/imported');
    expect([imported.before, imported.after]).toEqual([
      { prices: { 'l/audited': second.body.id, 'l/imported': null } },
      { prices: { 'l/audited': now.id, 'l/imported': other.id } },
    ]);
  });
});

function zero() {
  return { input_usd_per_million: '0', output_usd_per_million: '0' };
}
