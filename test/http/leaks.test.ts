import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Queue } from 'bullmq';
import { BadKeys } from '../../src/access/bad-keys.js';
import { UPKEEP_QUEUES } from '../../src/platform/queues.js';
import { withRedis } from '../support/data-dir.js';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import type { RouteCase } from '../support/routes.js';
import { TestClock } from '../support/test-clock.js';
import { aWholeCustomer, type WholeCustomer } from '../support/whole-customer.js';
import { routesOf, unknownLike, type Target } from '../support/whole-customer-routes.js';
import { possessionsOf } from '../support/possessions.js';

const AT_ONCE = 8;
const HEADERS_OF_ANSWERS = /^(date|x-request-id|content-length|etag)$/;

/** Whose name the headers have: the target's, or the caller's own. */
type Naming = {
  readonly organization: 'none' | 'target' | 'own';
  readonly project: 'none' | 'target' | 'own';
};

const NAMINGS: readonly Naming[] = [
  { organization: 'none', project: 'none' },
  { organization: 'target', project: 'target' },
  { organization: 'own', project: 'own' },
  { organization: 'target', project: 'own' },
  { organization: 'own', project: 'target' },
];
/** The other routes read neither. */
const READS_NAMES = /\/v1\/organization|\/v1\/quota\/check|\/v1\/exports/;

let app: TestApp;
let own: WholeCustomer;
let other: WholeCustomer;
let unknown: Target;
const clock = new TestClock();
const lookUps = jest.spyOn(BadKeys.prototype, 'lookUp');
const bound = new Map<string, string>();
const dead = new Map<string, string | null>([
  ['nobody', null],
  ['a made-up key', 'sk-tally-nobody'],
]);

beforeAll(async () => {
  // All come from one address, and far more than it may send.
  lookUps.mockImplementation((_, __, find) => find());
  const environment = { SMTP_URL: 'smtp://127.0.0.1:9', SMTP_FROM: 'tally@example.com' };
  app = await anApp({ role: 'all', clock, environment });
  await pauseUpkeep();
  const world = { app, now: '2026-11-22T11:59:00Z', mails: true };
  own = await aWholeCustomer(world, { entity: 'entity1', marker: 'ownmark01', digits: '6154' });
  other = await aWholeCustomer(world, { entity: 'entity2', marker: 'othermark', digits: '7283' });
  unknown = unknownLike(other, { entity: 'entity9', marker: 'nomark999' });
  for (const [role, secret] of Object.entries(own.keys)) bound.set(role, secret);
  for (const [name, secret] of await deadKeysOf(other.entity)) dead.set(name, secret);
});
afterAll(async () => {
  lookUps.mockRestore();
  await app?.close();
});

/** What upkeep does by itself would look like a change of somebody's. */
async function pauseUpkeep(): Promise<void> {
  await withRedis(app.redis.url, async (connection) => {
    for (const name of Object.values(UPKEEP_QUEUES)) {
      const queue = new Queue(name, { connection });
      await queue.pause();
      await queue.close();
    }
  });
}

/** Keys of the other customer that have ended in every way a key can end. */
async function deadKeysOf(entity: string): Promise<Map<string, string>> {
  const make = async (more: object = {}) =>
    (await app.call('POST /v1/admin/keys', { body: { name: 'dead', role: 'owner', entity, ...more } })).body;
  const [expired, revoked, rotated] = [
    await make({ expires_at: Math.floor(clock.now().getTime() / 1_000) + 5 }),
    await make(),
    await make(),
  ];
  await app.call(`DELETE /v1/admin/keys/${revoked.id}`);
  await app.call(`POST /v1/admin/keys/${rotated.id}/rotate`, { body: { overlap_seconds: 0 } });
  clock.advance(6_000);
  return new Map([
    ['expired', expired.secret],
    ['revoked', revoked.secret],
    ['rotated', rotated.secret],
  ]);
}

type Asked = { readonly route: RouteCase; readonly naming: Naming; readonly target: Target };

function* asksOf(target: Target): Generator<Asked> {
  for (const route of routesOf(target)) {
    const namings = READS_NAMES.test(route.route) ? NAMINGS : NAMINGS.slice(0, 2);
    for (const naming of namings) yield { route, naming, target };
  }
}

function ask({ route, naming, target }: Asked, key: string | null): Promise<Answer> {
  const nameOf = { none: undefined, target: target.entity, own: own.entity };
  const projectOf = {
    ...nameOf,
    target: `${target.entity}/${target.project}`,
    own: `entity1/${own.project}`,
  };
  const organization = nameOf[naming.organization];
  const project = projectOf[naming.project];
  const headers = {
    ...route.headers,
    ...(organization !== undefined && { 'openai-organization': organization }),
    ...(project !== undefined && { 'openai-project': project }),
  };
  return app.call(route.request, {
    key,
    headers,
    waits: false,
    ...(route.body !== undefined && { body: route.body }),
  });
}

/** In a fixed sequence, some at a time. */
async function ofEach<A, T>(asks: readonly A[], look: (asked: A) => Promise<T | null>): Promise<T[]> {
  const found: T[] = [];
  let next = 0;
  const goOn = async (): Promise<void> => {
    while (next < asks.length) {
      const result = await look(asks[next++]!);
      if (result !== null) found.push(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, goOn));
  return found;
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
    const asks = [...asksOf(other)].filter(({ route }) => route.request.startsWith('GET '));
    const seen = await ofEach(asks, async (asked) => {
      const { text, status } = await ask(asked, app.adminKey);
      return status < 300 && text.includes(other.marker) ? asked.route.route : null;
    });
    expect(new Set(seen).size).toBeGreaterThan(25);
    const all = (await ofEach(asks, async (asked) => (await ask(asked, app.adminKey)).text)).join('\n');
    for (const amount of other.amounts) expect(all).toContain(amount);
  });

  it.each(['gateway', 'finance', 'owner'])(
    'a bound %s key learns nothing, not even that it exists, and changes nothing',
    async (role) => {
      const before = await possessionsOf(app, other.entity);
      const key = bound.get(role)!;
      // First, because an owner may call what it makes itself as the other does, and finds its refused attempts in its own log.
      const inOwn = [...asksOf(own)];
      const leaks = await ofEach(inOwn, async (asked) => markIn(asked, await ask(asked, key), allMarks()));
      const unknowns = [...asksOf(unknown)];
      const pairs = [...asksOf(other)].map((asked, index) => ({ asked, twin: unknowns[index]! }));
      const differences = await ofEach(pairs, async ({ asked, twin }) => {
        const answer = await ask(asked, key);
        const isOwn = asked.naming.organization !== 'target' && READS_NAMES.test(asked.route.route);
        const leak = markIn(asked, answer, isOwn ? unsaidMarks() : allMarks());
        if (leak !== null) leaks.push(leak);
        // What is its own changes with what it makes meanwhile; only an id can be another's.
        if (isOwn && !/\{(alert|key)\}/.test(asked.route.route)) return null;
        const told = [shownOf({ ...answer, text: likeUnknown(answer.text) }), shownOf(await ask(twin, key))];
        return JSON.stringify(told[0]) === JSON.stringify(told[1]) ? null : [asked.route.request, ...told];
      });
      expect({ leaks, differences }).toEqual({ leaks: [], differences: [] });
      expect(await possessionsOf(app, other.entity)).toEqual(before);
    },
  );

  it('a key that has ended in any way opens nothing', async () => {
    const before = await possessionsOf(app, other.entity);
    for (const [name, key] of dead) {
      const asks = [...asksOf(other)].filter(({ route }) => route.role !== 'anyone');
      const open = await ofEach(asks, async (asked) => {
        const { status } = await ask(asked, key);
        return status === 401 ? null : `${name}: ${asked.route.request} ${status}`;
      });
      expect(open).toEqual([]);
    }
    expect(await possessionsOf(app, other.entity)).toEqual(before);
  });

  it.each(['gateway', 'finance'] as const)(
    'a %s key of all learns nothing where its role opens nothing',
    async (role) => {
      const key = await app.key(role);
      const asks = [...asksOf(other)].filter(
        ({ route }) =>
          ![route.role, ...(route.alsoFor ?? []), 'anyone'].includes(role) && route.role !== 'anyone',
      );
      const found = await ofEach(asks, async (asked) => {
        const answer = await ask(asked, key);
        return answer.status === 403
          ? markIn(asked, answer, allMarks())
          : `${asked.route.request}: ${answer.status}`;
      });
      expect(found).toEqual([]);
    },
  );
});
