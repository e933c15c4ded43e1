import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';
import { recordUsage } from '../support/usage.js';

type Row = Record<string, unknown> & { entity: string };

const NOW = Date.parse('2026-11-22T12:00:00Z') / 1000;

describe('GET /v1/entities', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await recordUsage(app, [anEvent(), anEvent({ subject: 'entity2/project1' })]);
  });
  afterAll(() => app.close());

  const list = async (query: string) => (await app.call(`GET /v1/entities?${query}`)).body;
  const names = async (query: string) => (await list(query)).data.map((row: Row) => row.entity);
  const only = async (entity: string): Promise<Row> => (await list(`search=${entity}`)).data[0];

  it('lists the entities that a key may look at: all, page by page, or only its own, even an unknown one', async () => {
    const first = await app.call('GET /v1/entities?limit=1', { key: await app.key('finance') });
    expect(first.body).toMatchObject({
      data: [{ entity: 'entity1', plan: 'free' }],
      has_more: true,
      totals: { entities: 2 },
    });
    const next = await app.call('GET /v1/entities?limit=1&after=entity1');
    expect(next.body).toMatchObject({ data: [{ entity: 'entity2' }], has_more: false });
    const bound = await app.call('GET /v1/entities', { key: await app.key('finance', 'nobody-yet') });
    expect(bound.body).toMatchObject({
      data: [
        {
          object: 'entity_name',
          entity: 'nobody-yet',
          plan: 'free',
          state: 'out_of_credits',
          monthly_cap_usd: '100',
          month_to_date_usd: '0',
          forecast_usd: null,
        },
      ],
      totals: { entities: 1 },
    });
    const own = await app.call('GET /v1/entities', { key: await app.key('owner', 'entity2') });
    expect(own.body.data.map((row: Row) => row.entity)).toEqual(['entity2']);
  });

  it('shows what the month cost and what is left, sorted and searched, page by page', async () => {
    await recordUsage(app, [
      anEvent({ subject: 'big/p', quantities: { input: 10_000_000 } }),
      anEvent({ subject: 'bigger/p', quantities: { input: 20_000_000 } }),
    ]);
    expect((await list('search=BIGGER')).data).toEqual([
      {
        object: 'entity_name',
        entity: 'bigger',
        plan: 'free',
        state: 'out_of_credits',
        period: '2026-11',
        month_to_date_usd: '14.2',
        previous_month_usd: '0',
        previous_same_days_usd: '0',
        change_usd: '14.2',
        monthly_cap_usd: '100',
        monthly_cap_share: '0.1420',
        yearly_cap_usd: null,
        overage: 'blocked',
        quota_mode: 'enforce',
        credits_usd: '0',
        credits_until: NOW,
        credits_expire_at: null,
        held_usd: '0',
        denied_requests: 0,
        denied_by_limit: [],
        forecast_usd: null,
      },
    ]);
    expect(await names('sort=-month_to_date_usd&limit=2')).toEqual(['bigger', 'big']);
    expect(await names('sort=-month_to_date_usd&limit=2&after=big')).toEqual(['entity1', 'entity2']);
    expect(await names('sort=month_to_date_usd')).toEqual(['entity1', 'entity2', 'big', 'bigger']);
    expect((await list('period=2026-12&search=bigger')).data[0]).toMatchObject({
      month_to_date_usd: '0',
      previous_month_usd: '14.2',
      previous_same_days_usd: '0',
      change_usd: '0',
      forecast_usd: null,
    });
  });

  it('says when credits end at the pace of the last seven days', async () => {
    await app.limit('paced', { monthly_cap_usd: null });
    await app.call('POST /v1/admin/entities/paced/credits', { body: { amount_usd: '28.4' } });
    await recordUsage(app, [anEvent({ subject: 'paced/p', quantities: { input: 20_000_000 } })]);
    // $14.2 in seven days, and as much left: seven days more.
    expect(await only('paced')).toMatchObject({
      credits_usd: '14.2',
      credits_until: NOW + 7 * 86_400,
      state: 'within_limits',
    });
  });

  it('who spent the last credits and is refused has run out now, ahead of who runs out later; who never spent has no such day', async () => {
    const limits = {
      'out-idle': {},
      'out-spent': {},
      'out-shadow': { quota_mode: 'shadow' },
      'out-owing': { overage: 'allowed' },
    };
    for (const [entity, limit] of Object.entries(limits)) {
      await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
      await app.limit(entity, limit);
    }
    await app.call('PUT /v1/admin/entities/out-later', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/out-later/credits', { body: { amount_usd: '1.42' } });
    const spending = ['out-later', 'out-owing', 'out-shadow', 'out-spent'];
    await recordUsage(
      app,
      spending.map((entity) => anEvent({ subject: `${entity}/p`, quantities: { input: 1_000_000 } })),
    );
    const { data } = await list('sort=credits_until&search=out-');
    expect(data.map((row: Row) => [row['entity'], row['credits_until']])).toEqual([
      ['out-spent', NOW],
      ['out-later', NOW + 7 * 86_400],
      ['out-idle', null],
      ['out-owing', null],
      ['out-shadow', null],
    ]);
    expect(await names('sort=credits_until&search=out-&after=out-spent&limit=1')).toEqual(['out-later']);
  });

  it('counts the usage of the hour that has begun, so a customer whose first usage is minutes old runs out too', async () => {
    await app.limit('new', { monthly_cap_usd: null });
    await app.call('POST /v1/admin/entities/new/credits', { body: { amount_usd: '1.42' } });
    const at = app.clock.now();
    await recordUsage(app, [anEvent({ subject: 'new/p', occurredAt: at, quantities: { input: 1_000_000 } })]);
    // $0.71 in seven days, and as much left.
    const soon = Math.floor(at.getTime() / 1000) + 7 * 86_400;
    expect(await only('new')).toMatchObject({ credits_usd: '0.71', credits_until: soon });
    expect(await names('sort=credits_until&state=within_limits&limit=2')).toContain('new');
  });

  it('shows what requests in flight hold, and which limits denied how many within the last day', async () => {
    await app.limit('busy', { overage: 'allowed', monthly_cap_usd: '1' });
    const body = { project: 'busy/p', model: LLAMA, input_tokens: 1_000_000, max_output_tokens: 0 };
    const reserve = () => app.call('POST /v1/quota/reservations', { body });
    expect((await reserve()).status).toBe(201);
    await app.limit('busy', { monthly_cap_usd: '0.7' });
    for (let count = 0; count < 3; count += 1) expect((await reserve()).status).toBe(429);
    await until('they are counted', async () => (await only('busy'))['denied_requests'] === 3);
    expect(await only('busy')).toMatchObject({
      held_usd: '0.71',
      denied_by_limit: [{ limit: 'entity_monthly_cap', denied: 3 }],
    });
    expect((await list('limit=100')).data).toHaveLength((await list('limit=1')).totals.entities);
  });

  it('is sorted by what only Redis knows, page by page, also behind a customer that the filter admits no more', async () => {
    await app.limit('idle', { monthly_cap_usd: '5' });
    expect((await names('sort=-denied_requests')).at(0)).toBe('busy');
    expect((await names('sort=denied_requests')).at(-1)).toBe('busy');
    const all = await names('sort=-held_usd');
    expect(all.at(0)).toBe('busy');
    expect(all.slice(1)).toEqual(all.slice(1).toSorted());
    const [second, third] = [all[1], all[2]];
    expect(await names(`sort=-held_usd&limit=1&after=${second}`)).toEqual([third]);
    expect(await names(`sort=-held_usd&plan=pro&after=${second}`)).toEqual(
      (await names('sort=-held_usd&plan=pro')).filter((name: string) => all.indexOf(name) > 1),
    );
    expect((await list('sort=-held_usd&limit=1')).totals).toEqual((await list('limit=1')).totals);
  });

  it('has each customer alone, as the list shows it, and none that is unknown', async () => {
    await app.limit('alone', { yearly_cap_usd: '9000', overage: 'allowed', quota_mode: 'shadow' });
    const { status, body } = await app.call('GET /v1/entities/alone');
    expect([status, body]).toEqual([200, await only('alone')]);
    expect(body).toMatchObject({ yearly_cap_usd: '9000', overage: 'allowed', quota_mode: 'shadow' });
    const unknown = await app.call('GET /v1/entities/nobody');
    expect([unknown.status, unknown.body.error.code]).toEqual([404, 'not_found']);
  });

  it('goes on behind a customer whose state or plan is another by now', async () => {
    const [first] = await names('state=out_of_credits&limit=1');
    await app.limit(first, { overage: 'allowed' });
    const rest = await list(`state=out_of_credits&after=${first}`);
    expect(rest.data.map((row: Row) => row.entity)).toEqual(await names('state=out_of_credits'));
    expect(rest.totals.entities).toBe(rest.data.length);
  });

  it('counts an allowance that is due, less what is owed', async () => {
    const terms = { monthly_cap_usd: null, overage: 'blocked', monthly_credit_usd: '5' };
    expect((await app.call('PUT /v1/admin/plans/gift', { body: terms })).status).toBe(200);
    await app.call('PUT /v1/admin/entities/gifted', { body: { plan: 'gift' } });
    const before = await only('gifted');
    const balance = await app.call('GET /v1/entities/gifted/balance');
    expect([before['credits_usd'], balance.body.credits_usd]).toEqual(['5', '5']);
    expect(await only('gifted')).toEqual(before);
  });

  it.each([
    ['sort=colour', 'sort'],
    ['sort=-overage', 'sort'],
    ['sort=held_usd&after=nosuch', 'after'],
    ['state=happy', 'state'],
    ['plan=no/plan', 'plan'],
    ['after=nosuch', 'after'],
    ['after=entity1&search=big', 'after'],
    ['period=2026', 'period'],
    ['colour=red', 'colour'],
  ])('refuses %s and names the field', async (query, param) => {
    const { status, body } = await app.call(`GET /v1/entities?${query}`);
    expect([status, body.error?.param]).toEqual([400, param]);
  });

  it('leaves out what only Redis knows while that is unavailable', async () => {
    await app.redis.kill();
    const row = await only('busy');
    expect([row['held_usd'], row['denied_requests'], row['denied_by_limit']]).toEqual([null, null, null]);
    expect(row['monthly_cap_usd']).toBe('0.7');
  });
});
