import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BadKeys } from '../../src/access/bad-keys.js';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { withKey, withSession, type Credentials } from '../support/credentials.js';
import { TestClock } from '../support/test-clock.js';
import { aWholeCustomer, type WholeCustomer } from '../support/whole-customer.js';
import { ask as askAs, asksOf, ofEach, READS_NAMES, type Asked } from '../support/whole-customer-asks.js';
import { unknownLike, type Target } from '../support/whole-customer-routes.js';
import { pauseUpkeep } from '../support/paused-upkeep.js';
import { possessionsOf } from '../support/possessions.js';

const HEADERS_OF_ANSWERS = /^(date|x-request-id|content-length|etag)$/;

let app: TestApp;
let own: WholeCustomer;
let other: WholeCustomer;
let unknown: Target;
const clock = new TestClock();
const lookUps = jest.spyOn(BadKeys.prototype, 'lookUp');
/** By the role: with its key, and as a person who is signed in with it. */
const bound = { key: new Map<string, Credentials>(), session: new Map<string, Credentials>() };
const BOUND = ['gateway', 'finance', 'owner'].flatMap((role) => [
  [role, 'key'] as const,
  [role, 'session'] as const,
]);
const dead = new Map<string, Credentials>([
  ['nobody', {}],
  ['a made-up key', withKey('sk-tally-nobody')],
  ['a made-up cookie', { cookie: `tally_session=key_nobody.0.${'A'.repeat(43)}` }],
]);

beforeAll(async () => {
  // All come from one address, and far more than it may send.
  lookUps.mockImplementation((_, __, find) => find());
  const environment = { SMTP_URL: 'smtp://127.0.0.1:9', SMTP_FROM: 'tally@example.com' };
  app = await anApp({ role: 'all', clock, environment });
  // What upkeep does by itself would look like a change of somebody's.
  await pauseUpkeep(app.redis.url);
  const world = { app, now: '2026-11-22T11:59:00Z', mails: true };
  own = await aWholeCustomer(world, { entity: 'entity1', marker: 'ownmark01', digits: '6154' });
  other = await aWholeCustomer(world, { entity: 'entity2', marker: 'othermark', digits: '7283' });
  unknown = unknownLike(other, { entity: 'entity9', marker: 'nomark999' });
  for (const [role, secret] of Object.entries(own.keys)) {
    bound.key.set(role, withKey(secret));
    bound.session.set(role, await withSession(app, secret));
  }
  await addDeadKeysOf(other.entity);
});
afterAll(async () => {
  lookUps.mockRestore();
  await app?.close();
});

/** Keys of the other customer that have ended in every way a key can end, and those who were signed in with them. */
async function addDeadKeysOf(entity: string): Promise<void> {
  const make = async (name: string, more: object = {}): Promise<string> => {
    const order = { name: 'dead', role: 'owner', entity, ...more };
    const { body } = await app.call('POST /v1/admin/keys', { body: order });
    dead.set(name, withKey(body.secret));
    dead.set(`signed in with ${name}`, await withSession(app, body.secret));
    return body.id;
  };
  await make('expired', { expires_at: Math.floor(clock.now().getTime() / 1_000) + 5 });
  const [revoked, rotated] = [await make('revoked'), await make('rotated')];
  await app.call(`DELETE /v1/admin/keys/${revoked}`);
  await app.call(`POST /v1/admin/keys/${rotated}/rotate`, { body: { overlap_seconds: 0 } });
  clock.advance(6_000);
}

/** All but what says that somebody has tried to do something. */
async function thingsOf(entity: string): Promise<unknown> {
  const { audit_log: _log, chain_heads: _heads, ...things } = await possessionsOf(app, entity);
  return JSON.parse(
    JSON.stringify(things, (name, value: unknown) => (name === 'last_used_at' ? null : value)),
  );
}

function ask(asked: Asked, credentials: Credentials): Promise<Answer> {
  return askAs(app, asked, { own, credentials });
}

/** Of what was planted, what no request says: it stands in no answer, whatever the caller has sent before. */
const UNSAID = ['reference', 'note', 'list', 'hook', 'prefix', 'caller', 'tag', 'value', 'team', 'operation', 'unpriced', 'model', 'spare', 'finance', 'reason']; // prettier-ignore

function unsaidMarks(): string[] {
  const texts = UNSAID.map((word) => `${other.marker}-${word}`);
  return [
    ...texts,
    `${other.marker}@`,
    `${other.marker}_tokens`,
    ...other.amounts,
    ...Object.values(other.keys),
  ];
}

/** Ids of few digits would be found anywhere. */
function allMarks(): string[] {
  return [other.marker, ...unsaidMarks(), ...Object.values(other.ids)].filter(({ length }) => length > 3);
}

/** What an answer tells of the other that the request did not say; null where that is nothing. */
function markIn(asked: Asked, { text, headers }: Answer, marks: readonly string[]): string | null {
  const { request, body, headers: named } = asked.route;
  const said = decodeURIComponent(`${request}${JSON.stringify([body, named])}`);
  const told = `${text}\n${[...headers.values()].join('\n')}`;
  const mark = marks.find((each) => told.includes(each) && !said.includes(each));
  return mark === undefined
    ? null
    : `${request} ${JSON.stringify(asked.naming)}: ${mark} in ${told.slice(0, 300)}`;
}

function likeUnknown(text: string): string {
  let told = text;
  const pairs = [
    ...Object.entries(other.ids).map(([kind, id]) => [id, unknown.ids[kind as keyof Target['ids']]] as const),
    [other.marker, unknown.marker] as const,
    [other.entity, unknown.entity] as const,
  ].filter(([mark]) => mark.length > 3);
  for (const [mark, name] of pairs) told = told.replaceAll(mark, name);
  return told;
}

function shownOf({ status, text, headers }: Answer): unknown {
  const kept = [...headers].filter(([name]) => !HEADERS_OF_ANSWERS.test(name));
  return [status, text, kept];
}

describe('of another customer', () => {
  it('an admin finds what was planted, on every route that shows it', async () => {
    const admin = withKey(app.adminKey);
    const asks = [...asksOf(other)].filter(({ route }) => route.request.startsWith('GET '));
    const seen = await ofEach(asks, async (asked) => {
      const { text, status } = await ask(asked, admin);
      return status < 300 && text.includes(other.marker) ? asked.route.route : null;
    });
    expect(new Set(seen).size).toBeGreaterThan(25);
    const all = (await ofEach(asks, async (asked) => (await ask(asked, admin)).text)).join('\n');
    for (const amount of other.amounts) expect(all).toContain(amount);
  });

  it('a session changes nothing without its own token, on any route', async () => {
    const foreign = bound.session.get('finance')!['x-csrf-token']!;
    const changing = (target: Target) =>
      [...asksOf(target)].filter(({ route }) => !route.request.startsWith('GET '));
    const before = [await thingsOf(own.entity), await thingsOf(other.entity)];
    const admin = await withSession(app, app.adminKey);
    for (const [{ cookie }, asks] of [
      [admin, [...changing(own), ...changing(other)]],
      [bound.session.get('owner')!, changing(own)],
    ] as const)
      for (const token of [null, '', foreign]) {
        const done = await ofEach(asks, async (asked) => {
          const { status, body } = await ask(asked, {
            cookie: cookie!,
            ...(token !== null && { 'x-csrf-token': token }),
          });
          const isRefused = status === 403 && body.error.code === 'insufficient_permissions';
          return isRefused ? null : [asked.route.request, status];
        });
        expect(done).toEqual([]);
      }
    expect([await thingsOf(own.entity), await thingsOf(other.entity)]).toEqual(before);
  });

  // Before anybody has asked for the other: an owner finds refused attempts in its own log.
  it.each(BOUND)('a bound %s’s %s finds nothing where it asks for its own', async (role, by) => {
    const before = await possessionsOf(app, other.entity);
    const credentials = bound[by].get(role)!;
    const leaks = await ofEach([...asksOf(own)], async (asked) =>
      markIn(asked, await ask(asked, credentials), allMarks()),
    );
    expect(leaks).toEqual([]);
    expect(await possessionsOf(app, other.entity)).toEqual(before);
  });

  it.each(BOUND)(
    'a bound %s’s %s learns nothing, not even that it exists, and changes nothing',
    async (role, by) => {
      const before = await possessionsOf(app, other.entity);
      const credentials = bound[by].get(role)!;
      const leaks: string[] = [];
      const unknowns = [...asksOf(unknown)];
      const pairs = [...asksOf(other)].map((asked, index) => ({ asked, twin: unknowns[index]! }));
      const differences = await ofEach(pairs, async ({ asked, twin }) => {
        const answer = await ask(asked, credentials);
        const isOwn = asked.naming.organization !== 'target' && READS_NAMES.test(asked.route.route);
        const leak = markIn(asked, answer, isOwn ? unsaidMarks() : allMarks());
        if (leak !== null) leaks.push(leak);
        // What is its own changes with what it makes meanwhile; only an id can be another's.
        if (isOwn && !/\{(alert|key)\}/.test(asked.route.route)) return null;
        const told = [
          shownOf({ ...answer, text: likeUnknown(answer.text) }),
          shownOf(await ask(twin, credentials)),
        ];
        return JSON.stringify(told[0]) === JSON.stringify(told[1]) ? null : [asked.route.request, ...told];
      });
      expect({ leaks, differences }).toEqual({ leaks: [], differences: [] });
      expect(await possessionsOf(app, other.entity)).toEqual(before);
    },
  );

  it('a key that has ended in any way opens nothing, and no session that was opened with it', async () => {
    const before = await possessionsOf(app, other.entity);
    for (const [name, credentials] of dead) {
      const asks = [...asksOf(other)].filter(({ route }) => route.role !== 'anyone');
      const open = await ofEach(asks, async (asked) => {
        const { status } = await ask(asked, credentials);
        return status === 401 ? null : `${name}: ${asked.route.request} ${status}`;
      });
      expect(open).toEqual([]);
    }
    expect(await possessionsOf(app, other.entity)).toEqual(before);
  });

  it.each(['gateway', 'finance'] as const)(
    'a %s key of all learns nothing where its role opens nothing, nor a session of it',
    async (role) => {
      const secret = await app.key(role);
      const asks = [...asksOf(other)].filter(
        ({ route }) =>
          ![route.role, ...(route.alsoFor ?? []), 'anyone'].includes(role) && route.role !== 'anyone',
      );
      for (const credentials of [withKey(secret), await withSession(app, secret)]) {
        const found = await ofEach(asks, async (asked) => {
          const answer = await ask(asked, credentials);
          return answer.status === 403
            ? markIn(asked, answer, allMarks())
            : `${asked.route.request}: ${answer.status}`;
        });
        expect(found).toEqual([]);
      }
    },
  );
});
