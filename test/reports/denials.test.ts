import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';

describe("an entity's denials", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await app.limit('denied', { overage: 'blocked' });
    await app.limit('capped', { monthly_cap_usd: '0', overage: 'allowed' });
    await app.limit('quiet', {});
  });
  afterAll(() => app.close());

  const reserve = async (entity: string) => {
    const body = { project: `${entity}/p`, model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 };
    return (await app.call('POST /v1/quota/reservations', { body })).body.error.details.decision_id;
  };
  const list = async (entity: string, query = '') =>
    (await app.call(`GET /v1/entities/${entity}/denials${query}`)).body;
  const countOf = async (entity: string) =>
    (await list(entity)).hours.reduce((sum: number, { denied }: { denied: number }) => sum + denied, 0);

  it('are listed newest first, each explained, and counted by hour and limit', async () => {
    const ids = [await reserve('denied'), await reserve('denied'), await reserve('denied')];
    await reserve('capped');
    await until('they are counted', async () => (await countOf('denied')) === 3);
    const body = await list('denied');
    expect(new Set(body.data.map(({ id }: { id: string }) => id))).toEqual(new Set(ids));
    expect(body.hours).toEqual([{ start_time: expect.any(Number), limit: 'credits', denied: 3 }]);
    expect(body.data[0]).toEqual((await app.call(`GET /v1/quota/decisions/${body.first_id}`)).body);
    const first = await list('denied', '?limit=2');
    expect(first.has_more).toBe(true);
    const second = await list('denied', `?limit=2&after=${first.last_id}`);
    expect([second.data.length, second.has_more]).toEqual([1, false]);
    expect((await list('denied', '?denied_by=concurrency')).data).toEqual([]);
    await until('the other one is counted', async () => (await countOf('capped')) === 1);
    expect((await list('capped', '?denied_by=entity_monthly_cap')).data).toHaveLength(1);
  });

  it('are all counted in a flood, of which a bounded number is kept', async () => {
    await Promise.all(Array.from({ length: 300 }, () => reserve('capped')));
    await until('they are counted', async () => (await countOf('capped')) === 301);
    expect((await list('capped', '?limit=100')).data.length).toBeLessThanOrEqual(100);
  });

  it('are none of an entity that was never denied, and not found of one that does not exist', async () => {
    expect(await list('quiet')).toMatchObject({ object: 'list', data: [], hours: [], has_more: false });
    await reserve('unheard');
    expect((await app.call('GET /v1/entities/unheard/denials')).status).toBe(404);
  });

  it.each([
    ['denied_by=colour', 'denied_by'],
    ['after=dec_none', 'after'],
    ['colour=red', 'colour'],
  ])('refuse %s and name the field', async (query, param) => {
    const { status, body } = await app.call(`GET /v1/entities/denied/denials?${query}`);
    expect([status, body.error.param]).toEqual([400, param]);
  });
});
