import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

describe('GET /v1/entities', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await recordUsage(app, [anEvent(), anEvent({ subject: 'entity2/project1' })]);
  });
  afterAll(() => app.close());

  it('lists the entities that a key may look at: all, page by page, or only its own, even an unknown one', async () => {
    const first = await app.call('GET /v1/entities?limit=1', { key: await app.key('finance') });
    expect(first.body).toMatchObject({ data: [{ entity: 'entity1', plan: 'free' }], has_more: true });
    const next = await app.call('GET /v1/entities?limit=1&after=entity1');
    expect(next.body).toMatchObject({ data: [{ entity: 'entity2' }], has_more: false });
    const bound = await app.call('GET /v1/entities', { key: await app.key('finance', 'nobody-yet') });
    expect(bound.body.data).toMatchObject([{ object: 'entity_name', entity: 'nobody-yet', plan: 'free' }]);
  });

  it('shows what the month cost and what is left, sorted and searched, page by page', async () => {
    await recordUsage(app, [
      anEvent({ subject: 'big/p', quantities: { input: 10_000_000 } }),
      anEvent({ subject: 'bigger/p', quantities: { input: 20_000_000 } }),
    ]);
    const list = async (query: string) => (await app.call(`GET /v1/entities?${query}`)).body;
    const names = async (query: string) =>
      (await list(query)).data.map((row: { entity: string }) => row.entity);
    expect((await list('search=BIGGER')).data).toEqual([
      {
        object: 'entity_name',
        entity: 'bigger',
        plan: 'free',
        period: '2026-11',
        month_to_date_usd: '14.2',
        previous_month_usd: '0',
        change_usd: '14.2',
        monthly_cap_usd: '100',
        monthly_cap_share: '0.1420',
        credits_usd: '0',
        credits_until: null,
      },
    ]);
    expect(await names('sort=-month_to_date_usd&limit=2')).toEqual(['bigger', 'big']);
    expect(await names('sort=-month_to_date_usd&limit=2&after=big')).toEqual(['entity1', 'entity2']);
    expect(await names('sort=month_to_date_usd')).toEqual(['entity1', 'entity2', 'big', 'bigger']);
    expect((await list('period=2026-12&search=bigger')).data[0]).toMatchObject({
      month_to_date_usd: '0',
      previous_month_usd: '14.2',
      change_usd: '-14.2',
    });
    for (const [query, param] of [
      ['sort=colour', 'sort'],
      ['after=nosuch', 'after'],
      ['period=2026', 'period'],
      ['colour=red', 'colour'],
    ]) {
      const { status, body } = await app.call(`GET /v1/entities?${query}`);
      expect([query, status, body.error?.param]).toEqual([query, 400, param]);
    }
  });
});
