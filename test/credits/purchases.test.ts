/** What buying, taking back and freezing refuse, and what a dry run of them leaves alone. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { TestClock } from '../support/test-clock.js';

describe('buying credits', () => {
  let app: TestApp;
  let entity: string;
  let count = 0;
  beforeAll(async () => {
    app = await anApp({ clock: new TestClock() });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    entity = `buyer${(count += 1)}`;
    await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  });

  const buy = (body: object, { of = entity, query = '', headers = {} } = {}) =>
    app.call(`POST /v1/admin/entities/${of}/credits${query}`, {
      body: { amount_usd: '10', ...body },
      headers,
    });
  const grants = async () => (await app.call(`GET /v1/admin/entities/${entity}/credits`)).body.data;
  const ledger = async (query = '') =>
    app.call(`GET /v1/admin/entities/${entity}/ledger${query}`).then(({ body }) => body.data);
  const audited = async () =>
    (
      await app.postgres.pool.query('select action from audit_log where entity = $1 order by id', [entity])
    ).rows.map(({ action }) => action);

  it('for an entity that does not exist is a 404, and creates nobody', async () => {
    const { status, body } = await buy({}, { of: 'misspelt' });
    expect([status, body.error]).toMatchObject([404, { code: 'not_found', param: 'entity' }]);
    expect((await app.call('GET /v1/admin/entities/misspelt')).status).toBe(404);
  });

  it('under a reference that the entity has already is a 409 that names the grant, voided or not, also at once', async () => {
    const { body: first } = await buy({ reference: 'inv_42' });
    const again = await buy({ reference: 'inv_42', category: 'promotional' });
    expect([again.status, again.body.error]).toMatchObject([
      409,
      { code: 'conflict', param: 'reference', existing: first.id },
    ]);
    expect(again.body.error.message).toContain(first.id);
    await app.call(`POST /v1/admin/entities/${entity}/credits/${first.id}/void`, { body: { reason: 'x' } });
    expect((await buy({ reference: 'inv_42' })).status).toBe(409);
    const statuses = await Promise.all(Array.from({ length: 4 }, () => buy({ reference: 'inv_43' })));
    expect(statuses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409]);
    expect((await grants()).length).toBe(2);
  });

  it('under a reference of another entity, or under none, is taken', async () => {
    await app.call('PUT /v1/admin/entities/neighbour', { body: { plan: 'free' } });
    expect((await buy({ reference: 'inv_1' }, { of: 'neighbour' })).status).toBe(201);
    const bought = [await buy({ reference: 'inv_1' }), await buy({}), await buy({})];
    expect(bought.map(({ status }) => status)).toEqual([201, 201, 201]);
  });

  it('under an idempotency key answers a repetition, although its reference is used by then', async () => {
    const headers = { 'idempotency-key': `buy-${entity}` };
    const [first, again] = [
      await buy({ reference: 'inv_1' }, { headers }),
      await buy({ reference: 'inv_1' }, { headers }),
    ];
    expect([again.status, again.body]).toEqual([201, first.body]);
  });

  it.each([
    ['an expiry before the start', { effective_at: '2027-02-01', expires_at: '2027-01-01' }, 'expires_at'],
    ['an expiry at the start', { effective_at: '2027-02-01', expires_at: '2027-02-01' }, 'expires_at'],
    ['an expiry now', { expires_at: '2026-11-22T12:00:00Z' }, 'expires_at'],
    ['a start in words', { effective_at: 'soon' }, 'effective_at'],
    ['a category in capitals', { category: 'PAID' }, 'category'],
    ['a negative priority', { priority: -1 }, 'priority'],
    ['an empty reference', { reference: '' }, 'reference'],
  ])('with %s is a 400 that names the field', async (_what, body, param) => {
    const answer = await buy(body);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
    expect(await grants()).toEqual([]);
  });

  it('as a dry run answers what it would, refuses what it would, and writes nothing', async () => {
    const { status, body } = await buy({ reference: 'inv_1' }, { query: '?dry_run=true' });
    expect([status, body.amount_usd, body.reference]).toEqual([201, '10', 'inv_1']);
    expect((await buy({}, { of: 'misspelt', query: '?dry_run=true' })).status).toBe(404);
    expect([await grants(), await ledger(), await audited()]).toEqual([[], [], ['entities.put']]);
    await buy({ reference: 'inv_1' });
    expect((await buy({ reference: 'inv_1' }, { query: '?dry_run=true' })).status).toBe(409);
    const { body: bought } = await buy({});
    for (const [call, order] of [
      ['void', { reason: 'x', amount_usd: '3', refund: true }],
      ['freeze', { reason: 'x' }],
      ['unfreeze', { reason: 'x' }],
    ] as const) {
      const before = [await grants(), await ledger(), await audited()];
      const path = `POST /v1/admin/entities/${entity}/credits/${bought.id}/${call}`;
      expect((await app.call(`${path}?dry_run=true`, { body: order })).status).toBe(200);
      expect([await grants(), await ledger(), await audited()]).toEqual(before);
      expect((await app.call(`${path}?dryrun=true`, { body: order })).status).toBe(400);
    }
  });

  it('can be read one by one: grants and entries of another entity, or with ids that are none, are not found', async () => {
    const { body: grant } = await buy({});
    const [entry] = await ledger();
    const one = (path: string, of = entity) => app.call(`GET /v1/admin/entities/${of}/${path}`);
    expect((await one(`credits/${grant.id}`)).body).toEqual(grant);
    expect((await one(`ledger/${entry.id}`)).body).toEqual(entry);
    await app.call('PUT /v1/admin/entities/neighbour', { body: { plan: 'free' } });
    const answers = await Promise.all([
      one(`credits/${grant.id}`, 'neighbour'),
      one(`ledger/${entry.id}`, 'neighbour'),
      one('credits/grant_none'),
      one('ledger/999999'),
      one('ledger/abc'),
      one('ledger/99999999999999999999999'),
      one('ledger', 'nobody'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404, 404]);
  });

  it('leaves a ledger that lists by kind, grant and time of booking, and refuses a cursor of another entity', async () => {
    const { body: first } = await buy({});
    const { body: second } = await buy({ category: 'promotional' });
    await app.call(`POST /v1/admin/entities/${entity}/credits/${second.id}/void`, { body: { reason: 'x' } });
    const kinds = async (query: string) => (await ledger(query)).map(({ kind }: { kind: string }) => kind);
    expect(await kinds('?kind=purchase')).toEqual(['purchase']);
    expect(await kinds(`?grant=${second.id}`)).toEqual(['void', 'promotion']);
    expect(await kinds(`?grant=${first.id}&kind=void`)).toEqual([]);
    const at = first.created_at;
    expect(await kinds(`?start_time=${at}&end_time=${at + 1}`)).toHaveLength(3);
    expect(await kinds(`?end_time=${at}`)).toEqual([]);
    const refused = async (query: string, param: string) => {
      const { status, body } = await app.call(`GET /v1/admin/entities/${entity}/ledger${query}`);
      expect([status, body.error.param]).toEqual([400, param]);
    };
    await refused('?kind=gift', 'kind');
    await refused(`?start_time=${at}&end_time=${at}`, 'end_time');
    await refused('?after=999999', 'after');
    await refused('?colour=red', 'colour');
  });
});
