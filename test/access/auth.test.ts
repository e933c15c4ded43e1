import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LLAMA } from '../support/builders.js';
import { anApp, type TestApp } from '../support/app.js';
import { ROUTES, type RouteCase } from '../support/routes.js';

const ROLES = ['gateway', 'finance', 'admin'] as const;
const FORBIDDEN = {
  error: {
    message: 'Your API key does not have access to this resource',
    type: 'invalid_request_error',
    param: null,
    code: 'insufficient_permissions',
  },
};

describe('who may call what', () => {
  let app: TestApp;
  const keys = new Map<string, string>();
  const keyOf = (name: string): string => keys.get(name) ?? name;
  beforeAll(async () => {
    app = await anApp();
    for (const role of ROLES) {
      keys.set(role, await app.key(role));
      for (const entity of ['entity1', 'entity2'])
        keys.set(`${role} of ${entity}`, await app.key(role, entity));
    }
  });
  afterAll(() => app.close());

  const ask = ({ request, body, headers }: RouteCase, key: string | null) =>
    app.call(request, { key, ...(body === undefined ? {} : { body }), ...(headers ? { headers } : {}) });

  it('the table names every route that the API document names', async () => {
    const { body } = await app.call('GET /openapi.json', { key: null });
    const paths: Record<string, object> = body.paths;
    const documented = Object.entries(paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    expect(ROUTES.map(({ route }) => route).toSorted()).toEqual(documented.toSorted());
  });

  it.each(ROUTES.filter(({ role }) => role === 'anyone'))('$route answers without a key', async (route) => {
    expect((await ask(route, null)).status).toBe(200);
  });

  const guarded = ROUTES.filter(({ role }) => role !== 'anyone');

  it.each(guarded)('$route: 401 without a key and with one that nobody made', async (route) => {
    for (const key of [null, 'sk-tally-nobody', app.adminKey.slice(0, -1)]) {
      const answer = await ask(route, key);
      expect([answer.status, answer.body]).toEqual([
        401,
        {
          error: {
            message: 'Invalid Authentication',
            type: 'invalid_request_error',
            param: null,
            code: 'invalid_api_key',
          },
        },
      ]);
    }
  });

  it.each(guarded)('$route: open to its role and to admins', async (route) => {
    for (const role of [route.role, ...(route.alsoFor ?? []), 'admin']) {
      const { status } = await ask(route, keyOf(role));
      expect([401, 403, 500]).not.toContain(status);
    }
  });

  it.each(guarded)('$route: a 403 for every other role', async (route) => {
    const open = [route.role, ...(route.alsoFor ?? []), 'admin'];
    for (const role of ROLES.filter((role) => !open.includes(role))) {
      const { status, body } = await ask(route, keyOf(role));
      expect([role, status, body]).toEqual([role, 403, FORBIDDEN]);
    }
  });

  it.each(guarded.filter(({ namesEntity }) => namesEntity))(
    "$route: a key bound to an entity reaches its own and nobody else's",
    async (route) => {
      const own = await ask(route, keyOf(`${route.role} of entity1`));
      expect([401, 403, 500]).not.toContain(own.status);
      const foreign = await ask(route, keyOf(`${route.role} of entity2`));
      expect([foreign.status, foreign.body]).toEqual([403, FORBIDDEN]);
    },
  );

  it.each(guarded.filter(({ allEntities }) => allEntities))(
    '$route: a key bound to an entity may not, since it concerns all',
    async (route) => {
      const { status, body } = await ask(route, keyOf('admin of entity1'));
      expect([status, body]).toEqual([403, FORBIDDEN]);
    },
  );

  it('a key bound to an entity cannot tell another one that exists from one that does not', async () => {
    const admin = keyOf('admin of entity2');
    const { body: other } = await app.call('POST /v1/admin/keys', {
      body: { name: 'k', role: 'admin', entity: 'entity1' },
    });
    const there = await app.call(`DELETE /v1/admin/keys/${other.id}`, { key: admin });
    const nowhere = await app.call('DELETE /v1/admin/keys/key_none', { key: admin });
    expect([there.status, there.body]).toEqual([403, FORBIDDEN]);
    expect([nowhere.status, nowhere.body]).toEqual([403, FORBIDDEN]);
    expect((await app.call('GET /v1/admin/entities', { key: other.secret })).status).toBe(200);
  });

  it('lists show a bound key what is its own', async () => {
    await app.call('PUT /v1/admin/entities/entity3', { body: { plan: 'pro' } });
    const key = await app.key('admin', 'entity3');
    const entities = await app.call('GET /v1/admin/entities', { key });
    expect(entities.body.data.map((row: { entity: string }) => row.entity)).toEqual(['entity3']);
    const listed = await app.call('GET /v1/admin/keys', { key });
    expect(listed.body.data.map((row: { entity: string }) => row.entity)).toEqual(['entity3']);
    const audited = await app.call('GET /v1/admin/audit_log', { key });
    expect(new Set(audited.body.data.map((row: { entity: string }) => row.entity))).toEqual(
      new Set(['entity3']),
    );
  });

  it('an event of another entity is rejected, and the others of its batch are not', async () => {
    const event = (subject: string) => ({
      specversion: '1.0',
      id: subject,
      source: '/g',
      type: 'ai.inference.usage.v1',
      subject,
      time: '2026-11-22T11:59:00Z',
      data: {
        model: LLAMA,
        usage: {
          prompt_tokens: 1,
          completion_tokens: 1,
        },
      },
    });
    const { status, body } = await app.call('POST /v1/usage/events', {
      key: keyOf('gateway of entity1'),
      body: [event('entity1/a'), event('entity2/a')],
    });
    expect(status).toBe(202);
    expect(body).toMatchObject({
      object: 'usage.receipt',
      accepted: 1,
      rejected: [{ index: 1, id: 'entity2/a', code: 'insufficient_permissions' }],
    });
  });

  it('a revoked key is refused at once, and the list says when it ended', async () => {
    const { body: made } = await app.call('POST /v1/admin/keys', {
      body: { name: 'short-lived', role: 'finance' },
    });
    expect((await app.call('GET /v1/entities/entity1/balance', { key: made.secret })).status).toBe(200);
    const ended = await app.call(`DELETE /v1/admin/keys/${made.id}`);
    expect([ended.status, ended.body]).toEqual([
      200,
      { object: 'api_key.deleted', id: made.id, deleted: true },
    ]);
    expect((await app.call('GET /v1/entities/entity1/balance', { key: made.secret })).status).toBe(401);
    const { body: list } = await app.call('GET /v1/admin/keys?limit=100');
    const shown = list.data.find((key: { id: string }) => key.id === made.id);
    expect(shown.revoked_at).toEqual(expect.any(Number));
    expect(JSON.stringify(list)).not.toContain(made.secret);
  });

  it('only a hash of a secret is in the database', async () => {
    const secret = await app.key('gateway');
    const rows = await app.postgres.pool.query('select * from api_keys');
    expect(JSON.stringify(rows.rows)).not.toContain(secret);
  });
});
