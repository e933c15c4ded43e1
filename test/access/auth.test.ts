import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BadKeys } from '../../src/access/bad-keys.js';
import type { KeyRole } from '../../src/domain/key-roles.js';
import { accessOfSpec, type RouteSpec } from '../../src/http/route.js';
import { anEventBody } from '../support/builders.js';
import { anApp, type TestApp } from '../support/app.js';
import { withKey, withSession, type Credentials } from '../support/credentials.js';
import { ROUTES, type RouteCase } from '../support/routes.js';

const ROLES = ['gateway', 'finance', 'owner', 'admin'] as const;

/** Whom a route is open to. */
function opens({ role, alsoFor = [] }: RouteCase, to: KeyRole): boolean {
  const roles = [role, ...alsoFor];
  return to === 'admin' || roles.includes(to) || (to === 'owner' && roles.includes('finance'));
}
const FORBIDDEN = {
  error: {
    message: 'Your API key does not have access to this resource',
    type: 'invalid_request_error',
    param: null,
    code: 'insufficient_permissions',
  },
};

describe('who may call what', () => {
  const lookUps = jest.spyOn(BadKeys.prototype, 'lookUp');
  let app: TestApp;
  const keys = new Map<string, string>();
  const keyOf = (name: string): string => keys.get(name) ?? name;
  /** By the same names: those who are signed in with these keys. */
  const sessions = new Map<string, Credentials>();
  const withEach = (name: string) => ({ key: withKey(keyOf(name)), session: sessions.get(name)! });
  beforeAll(async () => {
    // All come from one address, and far more than it may send.
    lookUps.mockImplementation((_, __, find) => find());
    app = await anApp();
    for (const role of ROLES) {
      if (role !== 'owner') keys.set(role, await app.key(role));
      if (role === 'admin') continue;
      for (const entity of ['entity1', 'entity2'])
        keys.set(`${role} of ${entity}`, await app.key(role, entity));
    }
    for (const [name, secret] of keys) sessions.set(name, await withSession(app, secret));
  });
  afterAll(async () => {
    lookUps.mockRestore();
    await app.close();
  });

  const ask = ({ request, body, headers }: RouteCase, credentials: Credentials) =>
    app.call(request, {
      key: null,
      headers: { ...headers, ...credentials },
      waits: false,
      ...(body === undefined ? {} : { body }),
    });

  it('the table names every route that the API document names', async () => {
    const { body } = await app.call('GET /openapi.json', { key: null });
    const paths: Record<string, object> = body.paths;
    const documented = Object.entries(paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    expect(ROUTES.map(({ route }) => route).toSorted()).toEqual(documented.toSorted());
  });

  it.each(ROUTES.filter(({ role }) => role === 'anyone'))('$route answers without a key', async (route) => {
    expect((await ask(route, {})).status).toBe(200);
  });

  const guarded = ROUTES.filter(({ role }) => role !== 'anyone');

  it.each(guarded)(
    '$route: 401 without a key, and with a key or a cookie that nobody made',
    async (route) => {
      const made = [withKey('sk-tally-nobody'), withKey(app.adminKey.slice(0, -1))];
      const cookie = `${sessions.get('admin')!['cookie']!.slice(0, -9)}AAAAAAAAA`;
      for (const credentials of [{}, ...made, { ...sessions.get('admin'), cookie }]) {
        const answer = await ask(route, credentials);
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
    },
  );

  it.each(guarded)(
    '$route: open to whom it says, and a 403 for every other role, by key and by session',
    async (route) => {
      const names = [...keys.keys()];
      const others = names.filter((name) => !opens(route, name.split(' of ')[0] as KeyRole));
      for (const by of ['key', 'session'] as const) {
        const refused = new Map<string, unknown>();
        for (const name of names) {
          const { status, body } = await ask(route, withEach(name)[by]);
          if (others.includes(name)) refused.set(name, body);
          else if (!name.includes(' of ') && [401, 403, 500].includes(status)) refused.set(name, status);
        }
        expect([by, refused]).toEqual([by, new Map(others.map((name) => [name, FORBIDDEN]))]);
      }
    },
  );

  const bound = guarded.flatMap((route) =>
    ROLES.filter((role) => role !== 'admin' && opens(route, role)).map((role) => ({ ...route, by: role })),
  );

  it.each(bound)(
    '$route: a $by key that is bound to an entity reaches its own, and its session',
    async (route) => {
      for (const credentials of Object.values(withEach(`${route.by} of entity1`))) {
        const { status } = await ask(route, credentials);
        const isOpen = ![401, 403, 500].includes(status);
        expect(isOpen ? 'open' : status).toBe(route.ofAll ? 403 : 'open');
      }
    },
  );

  it.each(bound.filter(({ namesEntity }) => namesEntity))(
    "$route: a $by key that is bound to an entity reaches nobody else's, nor does its session",
    async (route) => {
      for (const credentials of Object.values(withEach(`${route.by} of entity2`))) {
        const { status, body } = await ask(route, credentials);
        expect([status, body]).toEqual([403, FORBIDDEN]);
      }
    },
  );

  it('a route that does not state its scope, or another than its path, keeps the app from starting', () => {
    const undeclared = { role: 'finance', summary: 'new' } as unknown as RouteSpec;
    expect(() => accessOfSpec('/v1/entities/:entity/new', undeclared)).toThrow(/states its scope/);
    expect(() => accessOfSpec('/v1/new', { ...undeclared, scope: 'entity' })).toThrow(/states its scope/);
    expect(() => accessOfSpec('/v1/new', { ...undeclared, scope: 'public' })).toThrow(/open to anyone/);
    expect(() => accessOfSpec('/v1/new', undeclared)).toThrow(/states its scope/);
  });

  it.each([
    ['admin', 'entity1'],
    ['owner', null],
  ])('no key of the role %s is bound to %s', async (role, entity) => {
    const { status, body } = await app.call('POST /v1/admin/keys', { body: { name: 'k', role, entity } });
    expect([status, body.error.param]).toEqual([400, 'entity']);
    const insert = `insert into api_keys (id, name, role, entity, secret_hash, created_at) values ('key_x', 'k', $1, $2, 'x', now())`;
    await expect(app.postgres.pool.query(insert, [role, entity])).rejects.toThrow(/api_keys_(admins|owners)/);
  });

  describe('an owner', () => {
    const owner = () => keyOf('owner of entity1');

    it('makes and revokes gateway and finance keys of its own entity, and no others', async () => {
      const order = (role: string, entity?: string) => ({ name: 'k', role, ...(entity && { entity }) });
      const made = await app.call('POST /v1/admin/keys', { key: owner(), body: order('gateway') });
      expect([made.status, made.body.entity]).toEqual([201, 'entity1']);
      for (const body of [order('owner'), order('admin'), order('finance', 'entity2')]) {
        expect((await app.call('POST /v1/admin/keys', { key: owner(), body })).status).toBe(403);
      }
      const listed = await app.call('GET /v1/admin/keys?limit=100', { key: owner() });
      expect(new Set(listed.body.data.map((row: { entity: string }) => row.entity))).toEqual(
        new Set(['entity1']),
      );
      expect((await app.call(`DELETE /v1/admin/keys/${made.body.id}`, { key: owner() })).status).toBe(200);
    });

    it("cannot tell another's key, or an owner's, from one that does not exist", async () => {
      const { body: other } = await app.call('POST /v1/admin/keys', {
        body: { name: 'k', role: 'gateway', entity: 'entity2' },
      });
      const { body: own } = await app.call('GET /v1/admin/keys?limit=100', { key: owner() });
      const ownerKey = own.data.find(({ role }: { role: string }) => role === 'owner').id;
      const answers = [];
      for (const id of [other.id, ownerKey, 'key_none']) {
        const { status, body } = await app.call(`DELETE /v1/admin/keys/${id}`, { key: owner() });
        answers.push([status, body.error.code]);
      }
      expect(new Set(answers.map(String)).size).toBe(1);
      expect(
        (await app.call('GET /v1/entities/entity2/balance', { key: keyOf('finance of entity2') })).status,
      ).not.toBe(401);
    });
  });

  it('an event of another entity is rejected, and the others of its batch are not', async () => {
    const { status, body } = await app.call('POST /v1/usage/events', {
      key: keyOf('gateway of entity1'),
      body: [anEventBody({ subject: 'entity1/a' }), anEventBody({ id: 'other', subject: 'entity2/a' })],
    });
    expect(status).toBe(202);
    expect(body).toMatchObject({
      object: 'usage.receipt',
      accepted: 1,
      rejected: [{ index: 1, id: 'other', code: 'insufficient_permissions' }],
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
