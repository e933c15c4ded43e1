import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { servicesOver, type Services } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';

/** 1,000,000 tokens at $0.71 a million. */
const MILLION = { input: 1_000_000 };

describe('corrections over HTTP', () => {
  const clock = new TestClock();
  let app: TestApp;
  let recorder: Services['recorder'];
  let redis: ReturnType<typeof connectRedis>;
  beforeAll(async () => {
    app = await anApp({ clock });
    redis = connectRedis(app.redis.url, 'impatient');
    await untilReady(redis);
    recorder = servicesOver({ database: app.database, clock, redis }).recorder;
  });
  afterAll(async () => {
    expect((await app.call('GET /v1/admin/reconciliation')).body).toMatchObject({ ok: true });
    redis.disconnect();
    await app.close();
  });

  const used = async (entity: string) => {
    const event = anEvent({ subject: `${entity}/p`, quantities: MILLION });
    await recorder.record([event]);
    const path = `/v1/admin/usage_events/${encodeURIComponent(event.source)}/${encodeURIComponent(event.id)}/void`;
    return { event, path };
  };
  const spentBy = async (entity: string): Promise<string> =>
    (await app.call(`GET /v1/entities/${entity}/balance`)).body.month_to_date_usd;

  it('a void gives the whole charge back, is in force at once, and answers the same when repeated', async () => {
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '0.5' } });
    const gateway = await app.key('gateway');
    const { event, path } = await used('entity1');
    const reserve = { project: 'entity1/p', model: LLAMA, input_tokens: 1, max_output_tokens: 0 };
    expect((await app.call('POST /v1/quota/reservations', { key: gateway, body: reserve })).status).toBe(429);
    const first = await app.call(`POST ${path}`, { body: { reason: 'test traffic' } });
    expect([first.status, first.body]).toMatchObject([
      200,
      {
        object: 'usage_correction',
        kind: 'void',
        source: event.source,
        event_id: event.id,
        entity: 'entity1',
        period: '2026-11',
        corrected_period: '2026-11',
        requests: -1,
        input_tokens: -1_000_000,
        new_price_id: null,
        cost_usd: '-0.71',
        overage_usd: '-0.21',
        reason: 'test traffic',
      },
    ]);
    expect(Object.values(first.body.credits_usd)).toEqual(['-0.5']);
    expect((await app.call('POST /v1/quota/reservations', { key: gateway, body: reserve })).status).toBe(201);
    const again = await app.call(`POST ${path}`, { body: { reason: 'once more' } });
    expect([again.status, again.text]).toEqual([200, first.text]);
    expect(await spentBy('entity1')).toBe('0');
    const { body: list } = await app.call('GET /v1/admin/usage_corrections?entity=entity1&period=2026-11');
    expect(list).toMatchObject({ object: 'list', data: [first.body], has_more: false });
  });

  it('a void that is tried out answers as the void does, and changes nothing', async () => {
    const { path } = await used('tried');
    const body = { reason: 'r' };
    const tried = await app.call(`POST ${path}?dry_run=true`, { body });
    expect([tried.status, tried.body.cost_usd, await spentBy('tried')]).toEqual([200, '-0.71', '0.71']);
    expect((await app.call('GET /v1/admin/usage_corrections?entity=tried')).body.data).toEqual([]);
    const done = await app.call(`POST ${path}`, { body });
    expect({ ...done.body, id: '' }).toEqual({ ...tried.body, id: '' });
    const [row] = (await app.call('GET /v1/admin/usage_corrections?entity=tried&kind=void')).body.data;
    expect((await app.call(`GET /v1/admin/usage_corrections/${row.id}`)).body).toEqual(row);
    expect((await app.call('GET /v1/admin/usage_corrections/999999999')).status).toBe(404);
  });

  it('a void under an idempotency key is replayed, and the key is good for one request only', async () => {
    const [one, other] = [await used('entity2'), await used('entity2')];
    const headers = { 'idempotency-key': 'void-1' };
    const first = await app.call(`POST ${one.path}`, { body: { reason: 'r' }, headers });
    const replay = await app.call(`POST ${one.path}`, { body: { reason: 'r' }, headers });
    expect([replay.text, replay.headers.get('idempotent-replayed')]).toEqual([first.text, 'true']);
    const reused = await app.call(`POST ${other.path}`, { body: { reason: 'r' }, headers });
    expect([reused.status, reused.body.error.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('an unknown event is a 404', async () => {
    const nowhere = '/v1/admin/usage_events/%2Fgateways%2Ftest/none/void';
    const body = { reason: 'r' };
    expect((await app.call(`POST ${nowhere}`, { body })).status).toBe(404);
  });

  it.each([
    ['no reason', 'POST /v1/admin/usage_events/s/i/void', {}, 'reason'],
    ['a time that is none', 'POST /v1/admin/usage_events/s/i/void', { reason: 'r', time: 'x' }, 'time'],
    [
      'a range that is none',
      'POST /v1/admin/prices/rerate',
      { model: 'm', from: '2026-11-02', to: '2026-11-01', reason: 'r' },
      'to',
    ],
    ['no entity', 'POST /v1/admin/reconciliation/repair', {}, 'entity'],
    ['a month that is none', 'GET /v1/admin/usage_corrections?period=2026-13', undefined, 'period'],
    [
      'a flag that is none',
      'POST /v1/admin/reconciliation/repair?dry_run=1',
      { entity: 'entity1' },
      'dry_run',
    ],
  ])('%s is a 400 that names the field', async (_, call, body, param) => {
    const answer = await app.call(call, body === undefined ? {} : { body });
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });

  it('a re-rating previews the change by entity, books it once, and says when there is nothing left', async () => {
    await used('entity5');
    await app.call('POST /v1/admin/prices', {
      body: {
        model: LLAMA,
        entity: 'entity5',
        effective_from: '2026-11-01',
        input_usd_per_million: '0.5',
        output_usd_per_million: '0.5',
      },
    });
    const body = { model: LLAMA, from: '2026-11-01', to: '2026-12-01', entity: null, reason: 'agreed price' };
    const change = {
      changed: 1,
      old_usd: '0.71',
      new_usd: '0.5',
      delta_usd: '-0.21',
    };
    const expected = {
      object: 'rerating',
      complete: true,
      ...change,
      entities: [{ entity: 'entity5', ...change }],
    };
    const preview = await app.call('POST /v1/admin/prices/rerate?dry_run=true', { body });
    expect(preview.body).toMatchObject({ ...expected, dry_run: true });
    expect(await spentBy('entity5')).toBe('0.71');
    const booked = await app.call('POST /v1/admin/prices/rerate', {
      body,
      headers: { 'idempotency-key': 'rerate-1' },
    });
    expect(booked.body).toEqual({ ...preview.body, dry_run: false });
    expect(await spentBy('entity5')).toBe('0.5');
    expect((await app.call('POST /v1/admin/prices/rerate', { body })).body).toMatchObject({
      changed: 0,
      delta_usd: '0',
      entities: [],
    });
  });

  it('a repair previews what is wrong, puts it right, and is in the audit log', async () => {
    await used('entity7');
    await app.postgres.pool.query(`update project_spend set cost_picos = 0 where entity = 'entity7'`);
    const body = { entity: 'entity7' };
    const preview = await app.call('POST /v1/admin/reconciliation/repair?dry_run=true', { body });
    expect(preview.body).toEqual({
      object: 'repair',
      entity: 'entity7',
      dry_run: true,
      changed: 1,
      changes: [
        {
          projection: 'project_spend',
          key: { entity: 'entity7', period: '2026-11', project: 'p' },
          before: { cost_picos: '0' },
          after: { cost_picos: '710000000000' },
        },
      ],
    });
    const repaired = await app.call('POST /v1/admin/reconciliation/repair', { body });
    expect(repaired.body).toEqual({ ...preview.body, dry_run: false });
    expect((await app.call('POST /v1/admin/reconciliation/repair', { body })).body).toMatchObject({
      changed: 0,
    });
    const { body: audit } = await app.call('GET /v1/admin/audit_log?entity=entity7');
    const entries = audit.data.map(({ action, before }: { action: string; before: unknown }) => [
      action,
      before,
    ]);
    expect(entries).toContainEqual(['reconciliation.repair', { changed: 1 }]);
    expect(
      (await app.call('POST /v1/admin/reconciliation/repair', { body: { entity: 'nobody' } })).status,
    ).toBe(404);
  });
});
