import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';

const clock = new TestClock();
let app: TestApp;
let owner: string;
beforeAll(async () => {
  app = await anApp({ clock });
  owner = await app.key('owner', 'entity1');
});
afterAll(() => app.close());

const make = async (order: object, key?: string, headers?: Record<string, string>) =>
  app.call('POST /v1/admin/keys', {
    body: { name: 'k', role: 'finance', ...order },
    ...(key && { key }),
    ...(headers && { headers }),
  });
const get = (id: string, key?: string) => app.call(`GET /v1/admin/keys/${id}`, key ? { key } : {});
const works = async (key: string) => (await app.call('GET /v1/entities', { key })).status === 200;
const rotate = (id: string, body: object, key?: string) =>
  app.call(`POST /v1/admin/keys/${id}/rotate`, { body, ...(key && { key }) });

const nowSeconds = () => Math.floor(clock.now().getTime() / 1000);

describe('a key that expires', () => {
  it('opens nothing from then on, also where it is in the cache', async () => {
    const expiresAt = nowSeconds() + 60;
    const { body } = await make({ expires_at: expiresAt });
    expect(body).toMatchObject({ expires_at: expiresAt, state: 'active' });
    expect(await works(body.secret)).toBe(true);
    clock.advance(59_000);
    expect(await works(body.secret)).toBe(true);
    clock.advance(1_000);
    expect(await works(body.secret)).toBe(false);
    expect((await get(body.id)).body).toMatchObject({ state: 'expired', revoked_at: null });
  });

  it('ends in the future', async () => {
    const { status, body } = await make({ expires_at: nowSeconds() - 60 });
    expect([status, body.error.param]).toEqual([400, 'expires_at']);
  });
});

describe('a renamed key', () => {
  const rename = (id: string, body: object, key?: string, headers?: Record<string, string>) =>
    app.call(`PATCH /v1/admin/keys/${id}`, { body, ...(key && { key }), ...(headers && { headers }) });

  it('has another name and nothing else, also after its end, and the audit log has both', async () => {
    const { body: key } = await make({ entity: 'entity1', role: 'gateway', source: '/g', name: 'eu' });
    const { secret, ...shown } = key;
    const renamed = await rename(key.id, { name: 'eu, blue' });
    expect([renamed.status, renamed.body]).toEqual([200, { ...shown, name: 'eu, blue' }]);
    expect((await get(key.id)).body).toEqual(renamed.body);
    expect((await app.call('POST /v1/usage/events', { key: secret, body: [] })).status).not.toBe(401);
    await app.call(`DELETE /v1/admin/keys/${key.id}`);
    expect((await rename(key.id, { name: 'eu, gone' })).body).toMatchObject({
      name: 'eu, gone',
      state: 'revoked',
    });
    const { body } = await app.call(`GET /v1/admin/audit_log?target=${key.id}&action=keys.rename`);
    const names = body.data.map(({ before, after }: Record<string, { name: string }>) => [
      before!.name,
      after!.name,
    ]);
    expect(names).toEqual([
      ['eu, blue', 'eu, gone'],
      ['eu', 'eu, blue'],
    ]);
    expect(body.data[0]).toMatchObject({ entity: 'entity1', before: { role: 'gateway', source: '/g' } });
  });

  it('changes and is audited once under an idempotency key, and not at all where the name is the same', async () => {
    const { body: key } = await make({ name: 'one' });
    const headers = { 'idempotency-key': `rename ${key.id}` };
    const first = await rename(key.id, { name: 'two' }, undefined, headers);
    expect((await rename(key.id, { name: 'two' }, undefined, headers)).text).toBe(first.text);
    expect((await rename(key.id, { name: 'three' }, undefined, headers)).status).toBe(422);
    await rename(key.id, { name: 'two' });
    const { body } = await app.call(`GET /v1/admin/audit_log?target=${key.id}&action=keys.rename`);
    expect(body.data).toHaveLength(1);
  });

  it('is any for an admin, and for an owner one that it could have made', async () => {
    const { body: own } = await make({ role: 'finance', entity: 'entity1' });
    expect((await rename(own.id, { name: 'mine' }, owner)).status).toBe(200);
    const { body: owners } = await make({ role: 'owner', entity: 'entity1' });
    const { body: other } = await make({ role: 'finance', entity: 'entity2' });
    for (const { id } of [owners, other, { id: 'key_none' }])
      expect((await rename(id, { name: 'mine' }, owner)).status).toBe(404);
    const finance = await app.key('finance', 'entity1');
    expect((await rename(own.id, { name: 'mine' }, finance)).status).toBe(403);
  });

  it.each([{}, { name: '' }, { name: 'a\nb' }, { name: 7 }, { name: null }, { name: 'x', role: 'admin' }])(
    'is not renamed by %j',
    async (body) => {
      const { body: key } = await make({});
      const answer = await rename(key.id, body);
      expect(answer.status).toBe(400);
      expect((await get(key.id)).body.name).toBe('k');
    },
  );
});

describe('a rotated key', () => {
  it('has a successor that may do the same, and works beside it for the overlap', async () => {
    const { body: key } = await make({ role: 'gateway', entity: 'entity1', source: '/g', name: 'eu' });
    const { status, body: next } = await rotate(key.id, { overlap_seconds: 3_600 });
    expect(status).toBe(201);
    const { id, secret } = key;
    const same = { name: 'eu', role: 'gateway', entity: 'entity1', source: '/g', expires_at: null };
    expect(next).toMatchObject({ ...same, state: 'active', successor: null });
    expect([next.id === id, next.secret === secret]).toEqual([false, false]);
    const { body: old } = await get(id);
    expect(old).toMatchObject({ state: 'active', successor: next.id });
    expect(old.expires_at - next.created_at).toBe(3_600);
    expect((await rotate(id, { overlap_seconds: 0 })).status).toBe(409);
  });

  it('ends at once without an overlap, and never later than it would have', async () => {
    const { body: first } = await make({});
    expect(await works(first.secret)).toBe(true);
    const { body: second } = await rotate(first.id, { overlap_seconds: 0 });
    expect([await works(first.secret), await works(second.secret)]).toEqual([false, true]);
    expect((await rotate(first.id, { overlap_seconds: 0 })).status).toBe(409);
    const ends = nowSeconds() + 600;
    const { body: short } = await make({ expires_at: ends });
    await rotate(short.id, { overlap_seconds: 3_600 });
    expect((await get(short.id)).body.expires_at).toBe(ends);
  });

  it.each([{}, { overlap_seconds: -1 }, { overlap_seconds: 1e9 }, { overlap_seconds: 0, entity: 'entity2' }])(
    'is not rotated for %j',
    async (body) => {
      const { body: key } = await make({});
      expect((await rotate(key.id, body)).status).toBe(400);
    },
  );
});

describe('the last admin key', () => {
  it('is not ended by mistake: not revoked, and not rotated into one that expires', async () => {
    const { body: admins } = await app.call('GET /v1/admin/keys?role=admin&state=active');
    expect(admins.data).toHaveLength(1);
    const [{ id }] = admins.data;
    const soon = nowSeconds() + 3_600;
    await make({ role: 'admin', expires_at: soon });
    expect((await app.call(`DELETE /v1/admin/keys/${id}`)).status).toBe(409);
    expect((await rotate(id, { overlap_seconds: 60, expires_at: soon })).status).toBe(409);
  });

  it('two admins at once do not end each other', async () => {
    const [a, b] = [(await make({ role: 'admin' })).body, (await make({ role: 'admin' })).body];
    const { body: admins } = await app.call('GET /v1/admin/keys?role=admin&state=active&limit=100');
    const others = admins.data.filter(
      ({ id, expires_at: ends }: { id: string; expires_at: number | null }) =>
        ends === null && id !== a.id && id !== b.id,
    );
    for (const { id } of others)
      expect((await app.call(`DELETE /v1/admin/keys/${id}`, { key: a.secret })).status).toBe(200);
    const [ofA, ofB] = await Promise.all([
      app.call(`DELETE /v1/admin/keys/${a.id}`, { key: b.secret }),
      app.call(`DELETE /v1/admin/keys/${b.id}`, { key: a.secret }),
    ]);
    // The second of them finds the last key, or has no key any more.
    expect([ofA.status, ofB.status].filter((status) => status === 200)).toHaveLength(1);
    const left = ofA.status === 200 ? b.secret : a.secret;
    expect((await app.call('GET /v1/admin/keys', { key: left })).status).toBe(200);
    await app.postgres.pool.query(`update api_keys set revoked_at = null where name = 'first admin key'`);
    await until('the first key works again', () => works(app.adminKey));
  });
});

describe('keys', () => {
  it('say when they were last used, to the minute', async () => {
    const { body: key } = await make({});
    expect((await get(key.id)).body.last_used_at).toBeNull();
    expect(await works(key.secret)).toBe(true);
    const { last_used_at: at } = (await get(key.id)).body;
    expect(at % 60).toBe(0);
    expect(Math.abs(at - key.created_at)).toBeLessThan(600);
  });

  it('are listed by role, entity and state', async () => {
    await app.call('PUT /v1/admin/entities/filtered', { body: { plan: 'free' } });
    const { body: key } = await make({ entity: 'filtered' });
    await make({ entity: 'filtered', role: 'gateway' });
    const { body: gone } = await make({ entity: 'filtered' });
    await app.call(`DELETE /v1/admin/keys/${gone.id}`);
    const ids = async (query: string) =>
      (await app.call(`GET /v1/admin/keys?entity=filtered&${query}`)).body.data.map(
        ({ id }: { id: string }) => id,
      );
    expect(new Set(await ids('role=finance'))).toEqual(new Set([gone.id, key.id]));
    expect(await ids('role=finance&state=active')).toEqual([key.id]);
    expect(await ids('state=revoked')).toEqual([gone.id]);
    expect(await ids('state=expired')).toEqual([]);
  });

  it('that were revoked are gone for a second DELETE, like those that never were', async () => {
    const { body: key } = await make({});
    const remove = async (id: string) => (await app.call(`DELETE /v1/admin/keys/${id}`)).status;
    expect([await remove(key.id), await remove(key.id), await remove('key_none')]).toEqual([200, 404, 404]);
  });

  it('of another entity look to an owner like keys that do not exist, as cursors too', async () => {
    const { body: other } = await make({ entity: 'entity2' });
    const answers = (id: string) =>
      Promise.all([
        get(id, owner),
        app.call(`DELETE /v1/admin/keys/${id}`, { key: owner }),
        rotate(id, { overlap_seconds: 0 }, owner),
        app.call(`GET /v1/admin/keys?after=${id}`, { key: owner }),
      ]);
    const [there, nowhere] = [await answers(other.id), await answers('key_none')];
    expect(there.map(({ status, body }) => [status, body])).toEqual(
      nowhere.map(({ status, body }) => [status, body]),
    );
    expect(there.map(({ status }) => status)).toEqual([404, 404, 404, 400]);
  });

  it('of an owner are made, rotated and revoked by it, and no stronger ones', async () => {
    for (const role of ['gateway', 'finance']) {
      const { status, body } = await make({ role }, owner);
      expect([status, body.entity]).toEqual([201, 'entity1']);
      const { body: next } = await rotate(body.id, { overlap_seconds: 0 }, owner);
      expect((await app.call(`DELETE /v1/admin/keys/${next.id}`, { key: owner })).status).toBe(200);
    }
    for (const role of ['owner', 'admin']) expect((await make({ role }, owner)).status).toBe(403);
    const { body: another } = await make({ role: 'owner', entity: 'entity1' });
    expect((await app.call(`DELETE /v1/admin/keys/${another.id}`, { key: owner })).status).toBe(404);
  });

  it('are made once under an idempotency key, whose answer is kept sealed for its caller', async () => {
    const headers = { 'idempotency-key': 'new-key-1' };
    const [first, again] = [await make({}, undefined, headers), await make({}, undefined, headers)];
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const another = await make({}, await app.key('admin'), headers);
    expect([another.status, another.body.error.code]).toEqual([422, 'idempotency_key_reused']);
    const { rows } = await app.postgres.pool.query('select body from idempotency_keys');
    expect(JSON.stringify(rows)).not.toContain(first.body.secret);
  });
});
