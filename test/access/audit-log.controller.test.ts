import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REFUSALS_OF_A_CALLER_MAX } from '../../src/access/refusals.js';
import { anApp, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';

type Entry = Record<string, unknown> & { id: string; action: string; at: number };

let app: TestApp;
beforeAll(async () => {
  app = await anApp();
  for (const plan of ['free', 'pro', 'free'])
    await app.call('PUT /v1/admin/entities/audited', { body: { plan } });
});
afterAll(() => app.close());

const read = (query: string) => app.call(`GET /v1/admin/audit_log?${query}`);
const entries = async (query: string): Promise<Entry[]> => (await read(query)).body.data;
const LIMIT = { monthly_cap_usd: '5' };

describe('the audit log', () => {
  it('is read page by page, newest first', async () => {
    const first = await read('entity=audited&limit=2');
    const second = await read(`entity=audited&limit=2&after=${first.body.last_id}`);
    expect([first.body.data.length, first.body.has_more]).toEqual([2, true]);
    expect([second.body.data.length, second.body.has_more]).toEqual([1, false]);
    expect(Number(second.body.first_id)).toBeLessThan(Number(first.body.last_id));
  });

  it('names the request, the role and the address of a change, and what was before and after', async () => {
    const headers = { 'x-request-id': 'req_audited' };
    await app.call('PATCH /v1/admin/entities/audited/limits', { body: LIMIT, headers });
    const [entry] = await entries('entity=audited&limit=1');
    expect(entry).toMatchObject({
      request_id: 'req_audited',
      role: 'admin',
      address: expect.stringMatching(/127\.0\.0\.1$/),
      actor: expect.stringMatching(/^key_/),
      before: expect.any(Object),
      after: expect.any(Object),
    });
    expect(entry!['before']).not.toEqual(entry!['after']);
  });

  it('begins with the first admin key, which nobody asked for', async () => {
    const first = await entries('action=keys.create&actor=system');
    expect(first).toEqual([
      expect.objectContaining({
        target: expect.stringMatching(/^key_/),
        role: null,
        request_id: null,
        address: null,
        after: expect.objectContaining({ role: 'admin' }),
      }),
    ]);
  });

  it('is asked by time, actor, action or its kind, entity and target, and by several of them', async () => {
    const { body: key } = await app.call('POST /v1/admin/keys', { body: { name: 'k', role: 'finance' } });
    await app.call(`DELETE /v1/admin/keys/${key.id}`);
    const actions = async (query: string) => (await entries(query)).map(({ action }) => action);
    expect(await actions(`target=${key.id}`)).toEqual(['keys.revoke', 'keys.create']);
    expect(await actions(`target=${key.id}&action=keys`)).toEqual(['keys.revoke', 'keys.create']);
    expect(await actions(`target=${key.id}&action=keys.create`)).toEqual(['keys.create']);
    expect(await actions(`target=${key.id}&action=key`)).toEqual([]);
    expect(await actions(`target=${key.id}&actor=system`)).toEqual([]);
    expect(await actions(`target=${key.id}&entity=audited`)).toEqual([]);
    const { at } = (await entries(`target=${key.id}&limit=1`))[0]!;
    expect(await actions(`target=${key.id}&end_time=${at - 60}`)).toEqual([]);
    expect(await actions(`target=${key.id}&start_time=${at + 60}`)).toEqual([]);
    expect(await actions(`target=${key.id}&start_time=${at - 60}&end_time=${at + 60}`)).toHaveLength(2);
  });

  it.each([
    'after=999999',
    'entity=audited&after=1',
    'start_time=1764547200&end_time=1764547200',
    'action=A.b',
  ])('refuses %s', async (query) => {
    expect((await read(query)).status).toBe(400);
  });
});

describe('what was refused is in the audit log', () => {
  const refusalsOf = async (actor: string) => entries(`actor=${actor}&action=access&limit=100`);
  const aKey = async (order: object) => (await app.call('POST /v1/admin/keys', { body: order })).body;

  it('at every door: by role, by entity, by a handler, and by the fast path of gateways', async () => {
    const key = await aKey({ name: 'k', role: 'gateway', entity: 'audited' });
    const options = { key: key.secret, headers: { 'x-request-id': 'req_denied' } };
    const reserve = { body: { project: 'other/p', model: 'm' }, ...options };
    await app.call('GET /v1/admin/audit_log', options);
    await app.call('POST /v1/quota/reservations', reserve);
    await app.call('GET /v1/quota/decisions/dec_00000AAAAAAAAAAAAAAAA.other', options);
    await until('all are there', async () => (await refusalsOf(key.id)).length === 3);
    const found = await refusalsOf(key.id);
    expect(found.map(({ target }) => String(target)).toSorted()).toEqual([
      'GET /v1/admin/audit_log',
      'GET /v1/quota/decisions/dec_00000AAAAAAAAAAAAAAAA.other',
      'POST /v1/quota/reservations',
    ]);
    for (const entry of found) {
      expect(entry).toMatchObject({ action: 'access.denied', entity: 'audited', role: 'gateway' });
      expect(entry).toMatchObject({ request_id: 'req_denied', after: { code: 'insufficient_permissions' } });
    }
  });

  it('changes that were not made, with why; reads and dry runs are none', async () => {
    const key = await aKey({ name: 'k', role: 'admin' });
    const ask = (request: string, body?: object) =>
      app.call(request, { key: key.secret, ...(body && { body }) });
    await ask('PATCH /v1/admin/entities/audited/limits', { monthly_cap_usd: 'lots' });
    await ask('DELETE /v1/admin/keys/key_none');
    await ask('GET /v1/admin/entities/nosuch');
    await ask('POST /v1/admin/entities/audited/credits?dry_run=true', { amount_usd: 'lots' });
    const found = await refusalsOf(key.id);
    expect(found.map(({ action, target, after }) => [action, target, after])).toEqual([
      ['access.refused', 'DELETE /v1/admin/keys/key_none', { code: 'not_found', param: null }],
      [
        'access.refused',
        'PATCH /v1/admin/entities/audited/limits',
        { code: 'invalid_request', param: 'monthly_cap_usd' },
      ],
    ]);
  });

  it('so many of a customer and no more, whichever of its keys it takes, and the rest is counted', async () => {
    const of = { name: 'k', role: 'finance', entity: 'often-refused' };
    const keys = [await aKey(of), await aKey(of), await aKey(of)];
    const asked = Array.from({ length: REFUSALS_OF_A_CALLER_MAX }, () => keys)
      .flat()
      .map(({ secret }) => app.call('GET /v1/admin/audit_log', { key: secret }));
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([403]));
    const entries = await Promise.all(keys.map(({ id }) => refusalsOf(id)));
    expect(entries.flat()).toHaveLength(REFUSALS_OF_A_CALLER_MAX);
    const { text } = await app.call('GET /metrics');
    const counted = /tally_refused_calls_total\{code="insufficient_permissions"\} (\d+)/.exec(text)?.[1];
    expect(Number(counted)).toBeGreaterThanOrEqual(3 * REFUSALS_OF_A_CALLER_MAX);
  });

  it('bad keys are counted and leave no entry', async () => {
    const before = (await read('limit=1')).body.first_id;
    await app.call('GET /v1/admin/audit_log', { key: 'sk-tally-nobody' });
    expect((await read('limit=1')).body.first_id).toBe(before);
  });
});
