/** What a cookie may stand for, and what an attacker can do with one or without. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BAD_KEYS_MAX } from '../../src/access/bad-keys.js';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { withRedis } from '../support/data-dir.js';
import { sumIn } from '../support/metrics-text.js';
import { until } from '../support/until.js';

const JOBS = 'GET /admin/queues/api/queues';
const PAGE = '/admin/queues';

/** How many commands Redis gets meanwhile that name such a key. */
async function commandsNaming(url: string, key: RegExp, during: () => Promise<void>): Promise<number> {
  return withRedis(url, async (redis) => {
    const monitor = await redis.monitor();
    const seen: string[] = [];
    monitor.on('monitor', (_, args: string[]) => seen.push(args.join(' ')));
    await during();
    await redis.get('the-last');
    await until('all of them are seen', () => seen.some((command) => /^get the-last$/i.test(command)));
    monitor.disconnect();
    return seen.filter((command) => key.test(command)).length;
  });
}

describe('a session', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ environment: { REDIS_PREFIX: 'eu' } });
    for (const entity of ['entity1', 'entity2'])
      await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  });
  afterAll(() => app.close());

  const signIn = (api_key: string, headers: Record<string, string> = {}) =>
    app.call('POST /dashboard/session', { key: null, body: { api_key }, headers });
  const cookieOf = ({ headers }: Answer): string => headers.get('set-cookie')!.split(';', 1)[0]!;
  /** Whether somebody with the cookie sees a page of admins or is led to the sign-in. */
  const seesPage = async (cookie: string): Promise<boolean> => {
    const { status } = await fetch(app.url + PAGE, { redirect: 'manual', headers: { cookie } });
    expect([200, 303]).toContain(status);
    return status === 200;
  };
  const withCookie = (request: string, cookie: string, headers: Record<string, string> = {}, body?: object) =>
    app.call(request, { key: null, headers: { cookie, ...headers }, ...(body && { body }) });

  it('is a cookie that scripts cannot read, other sites do not send, and that holds no key', async () => {
    const answer = await signIn(app.adminKey);
    expect([answer.status, answer.body]).toEqual([
      201,
      {
        object: 'dashboard.session',
        signed_in: true,
        role: 'admin',
        entity: null,
        key: { id: expect.stringMatching(/^key_/), name: 'first admin key' },
        csrf_token: expect.stringMatching(/^[\w-]{43}$/),
      },
    ]);
    const cookie = answer.headers.get('set-cookie')!;
    expect(cookie).toMatch(/^tally_session=[\w.-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(app.adminKey);
    const { host } = new URL(app.url);
    const overTls = await signIn(app.adminKey, { origin: `https://${host}` });
    expect(overTls.headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  it('tells its own page whose key it is and the token for changes, and others nothing', async () => {
    const asked = (headers: Record<string, string> = {}) =>
      app.call('GET /dashboard/session', { key: null, headers });
    const signedOut = { object: 'dashboard.session', signed_in: false };
    expect((await asked()).body).toEqual(signedOut);
    const { body: key } = await app.call('POST /v1/admin/keys', {
      body: { name: "Ada's laptop", role: 'owner', entity: 'entity1' },
    });
    const opened = await signIn(key.secret);
    const cookie = cookieOf(opened);
    const known = await asked({ cookie });
    expect(known.body).toEqual(opened.body);
    expect(known.body).toMatchObject({ entity: 'entity1', key: { id: key.id, name: "Ada's laptop" } });
    expect(known.headers.get('cache-control')).toBe('no-store');
    expect((await asked({ cookie, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await asked({ cookie, origin: 'https://evil.example' })).status).toBe(403);
    await app.call(`DELETE /v1/admin/keys/${key.id}`);
    const ended = await asked({ cookie });
    expect([ended.status, ended.body, ended.headers.get('set-cookie')]).toEqual([
      200,
      signedOut,
      expect.stringContaining('Max-Age=0'),
    ]);
  });

  it('reads what its key may read, and nothing of others', async () => {
    const cookie = cookieOf(await signIn(await app.key('finance', 'entity1')));
    expect((await withCookie('GET /v1/entities/entity1/balance', cookie)).status).toBe(200);
    expect((await withCookie('GET /v1/entities/entity2/balance', cookie)).status).toBe(403);
    expect((await withCookie('GET /v1/admin/entities', cookie)).status).toBe(403);
  });

  it('changes something only beside the token that its own page knows', async () => {
    const signedIn = await signIn(app.adminKey);
    const cookie = cookieOf(signedIn);
    const other = await signIn(app.adminKey);
    const change = (headers: Record<string, string>) =>
      withCookie('PUT /v1/admin/entities/by-session', cookie, headers, { plan: 'free' });
    expect((await change({})).status).toBe(403);
    expect((await change({ 'x-csrf-token': '' })).status).toBe(403);
    expect((await change({ 'x-csrf-token': other.body.csrf_token })).status).toBe(403);
    expect((await app.call('GET /v1/admin/entities/by-session')).status).toBe(404);
    expect((await change({ 'x-csrf-token': signedIn.body.csrf_token })).status).toBe(200);
    const tried = await app.call('GET /v1/admin/audit_log?action=access.denied');
    expect(tried.body.data[0]).toMatchObject({ target: 'PUT /v1/admin/entities/by-session', role: 'admin' });
  });

  it('is not opened by a page of another origin, by a form, or with a bad key', async () => {
    const foreign = { origin: 'https://evil.example' };
    expect((await signIn(app.adminKey, foreign)).status).toBe(403);
    expect((await signIn(app.adminKey, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const form = await app.call('POST /dashboard/session', {
      key: null,
      body: `api_key=${app.adminKey}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form.status).toBe(415);
    const bad = await signIn('sk-tally-nobody');
    expect([bad.status, bad.headers.get('set-cookie')]).toEqual([401, null]);
  });

  it('ends when its key is revoked, and when somebody signs out, which needs the token as well', async () => {
    const made = await app.call('POST /v1/admin/keys', {
      body: { name: 'leaver', role: 'admin', entity: null },
    });
    const [revoked, left] = [await signIn(made.body.secret), await signIn(app.adminKey)];
    expect((await withCookie(JOBS, cookieOf(revoked))).status).toBe(200);
    await app.call(`DELETE /v1/admin/keys/${made.body.id}`);
    expect((await withCookie(JOBS, cookieOf(revoked))).status).toBe(401);
    const end = (headers: Record<string, string>) =>
      withCookie('DELETE /dashboard/session', cookieOf(left), headers);
    expect((await end({})).status).toBe(403);
    expect((await withCookie(JOBS, cookieOf(left))).status).toBe(200);
    const ended = await end({ 'x-csrf-token': left.body.csrf_token });
    expect([ended.status, ended.headers.get('set-cookie')]).toEqual([
      200,
      expect.stringContaining('Max-Age=0'),
    ]);
    expect((await withCookie(JOBS, cookieOf(left))).status).toBe(401);
  });

  it('ends no other of its key while one of its places is free', async () => {
    const made = await app.call('POST /v1/admin/keys', {
      body: { name: 'busy', role: 'admin', entity: null },
    });
    const cookies: string[] = [];
    for (let n = 0; n < 16; n += 1) cookies.push(cookieOf(await signIn(made.body.secret)));
    for (const cookie of cookies) expect((await withCookie(JOBS, cookie)).status).toBe(200);
    const next = cookieOf(await signIn(made.body.secret));
    expect((await withCookie(JOBS, next)).status).toBe(200);
    const left = await Promise.all(cookies.map((cookie) => withCookie(JOBS, cookie)));
    expect(left.filter(({ status }) => status === 200)).toHaveLength(15);
  });

  it('cannot be guessed from the key that it stands for, and is one of few of a key', async () => {
    const [keyId, , secret] = cookieOf(await signIn(app.adminKey))
      .split('=')[1]!
      .split('.');
    const places = Array.from(
      { length: 100 },
      (_, place) => `tally_session=${keyId}.${place}.${'A'.repeat(secret!.length)}`,
    );
    for (const cookie of places) expect([401, 429]).toContain((await withCookie(JOBS, cookie)).status);
    for (let index = 0; index < 40; index += 1) await signIn(app.adminKey);
    const { Redis } = await import('ioredis');
    const redis = new Redis(app.redis.url);
    expect((await redis.keys(`eu:tally:session:${keyId}.*`)).length).toBeLessThanOrEqual(16);
    expect(await redis.keys('tally:*')).toEqual([]);
    redis.disconnect();
  });

  it('that is made up is limited by address like a bad key, and one that is known goes on', async () => {
    const cookie = cookieOf(await signIn(app.adminKey));
    const madeUp = await Promise.all(
      Array.from({ length: 60 }, (_, n) => withCookie(JOBS, `tally_session=nobody-${n}.1.${'A'.repeat(43)}`)),
    );
    const limited = madeUp.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThanOrEqual(60 - 2 * BAD_KEYS_MAX);
    expect(Number(limited[0]!.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await withCookie(JOBS, cookie)).status).toBe(200);
  });

  it('that is made up costs Redis no more at a page that leads to the sign-in, which goes on doing so', async () => {
    const cookie = cookieOf(await signIn(app.adminKey));
    expect([await seesPage(''), await seesPage(cookie)]).toEqual([false, true]);
    const madeUp = Array.from({ length: 60 }, (_, n) => `tally_session=nobody-${n}.1.${'A'.repeat(43)}`);
    const asked = await commandsNaming(app.redis.url, /tally:session:nobody/, async () => {
      expect(new Set(await Promise.all(madeUp.map(seesPage)))).toEqual(new Set([false]));
    });
    expect(asked).toBeLessThanOrEqual(2 * BAD_KEYS_MAX);
    expect(await seesPage(cookie)).toBe(true);
  });

  it('is no cookie at all: a page without one counts as no bad key', async () => {
    const counted = async () => sumIn((await app.call('GET /metrics')).text, 'tally_bad_keys_total');
    const before = await counted();
    for (let n = 0; n < 2 * BAD_KEYS_MAX; n += 1) await seesPage('theme=dark');
    expect(await counted()).toBe(before);
  });
});
