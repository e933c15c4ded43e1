/** What an event is refused with is said in Tally's own words, by both doors: the field, what was expected, and the type of what came. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

/** The words of the validator. */
const NOT_OURS = /invalid input|expected .* received|invalid_type|too small|too big|invalid option|zod/i;
const SECRET = 'sk-live-0123456789-is-nobodys-business';

const FIELDS = ['specversion', 'id', 'source', 'type', 'subject', 'time', 'data', 'datacontenttype'];
const DATA = [
  'model',
  'usage',
  'usage_format',
  'operation',
  'tags',
  'attributes',
  'service_tier',
  'region',
  'user_id',
  'reservation_id',
];
const USAGE = [
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'prompt_tokens_details',
  'prompt_tokens_details.cached_tokens',
  'completion_tokens_details',
];
const WRONG: readonly unknown[] = [
  undefined,
  null,
  true,
  7,
  -1,
  1.5,
  2 ** 53,
  '',
  SECRET,
  'x'.repeat(300),
  'a\u0000b',
  [],
  [SECRET],
  {},
  { [SECRET]: SECRET },
  { nested: { deeper: [SECRET, null, 1e300] } },
];

const usage = {
  prompt_tokens: 10,
  completion_tokens: 5,
  prompt_tokens_details: { cached_tokens: 1 },
};
/** The event with a value at a path of it. */
function withValue(path: string, value: unknown): unknown {
  const event = structuredClone(anEventBody({ subject: 'texts/p' }, { usage }));
  const names = path.split('.');
  const last = names.pop()!;
  let inner = event;
  for (const name of names) inner = inner[name] as Record<string, unknown>;
  inner[last] = value;
  return event;
}
const PATHS = [
  ...FIELDS,
  ...DATA.map((name) => `data.${name}`),
  ...USAGE.map((name) => `data.usage.${name}`),
];
const CASES = PATHS.flatMap((path) => WRONG.map((value) => ({ path, value, event: withValue(path, value) })));

type Refusal = { code: string; message: string };
const expectOurs = ({ message }: Refusal) => {
  expect(message).not.toMatch(NOT_OURS);
  expect(message).not.toContain(SECRET);
  expect(message).toMatch(/must|is required/);
  expect(message.split('; ').length).toBeLessThanOrEqual(10);
};

let app: TestApp;
let queue: TestQueue;
beforeAll(async () => {
  app = await anApp({ role: 'all' });
  queue = await aTestQueue(app.redis.url, { mayDie: false, nowMs: () => app.clock.now().getTime() });
});
afterAll(async () => {
  await queue.close();
  await app.close();
});
const report = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  app.call('POST /v1/usage/events', { body, headers });

describe('a refusal', () => {
  it('of any field with any wrong value says over HTTP, in our words, which field and what was expected', async () => {
    const { body } = await report(CASES.map(({ event }) => event));
    expect(body.rejected.length).toBeGreaterThan(100);
    for (const refusal of body.rejected as (Refusal & { index: number })[]) {
      const { path, value } = CASES[refusal.index]!;
      expectOurs(refusal);
      // A field below one that is wrong is not there to be named.
      const names = [path, path.split('.').slice(0, -1).join('.'), path.replace(/^data\./, '')];
      expect([refusal.message, names.some((name) => name !== '' && refusal.message.includes(name))]).toEqual([
        refusal.message,
        true,
      ]);
      const isNested = refusal.message.startsWith(`${path}:`) && typeof value === 'object' && value !== null;
      expect(isNested ? refusal.message : 'must be a text, not an object').toMatch(
        /, not (an object|a list)/,
      );
    }
  });

  it('on the queue says the same as over HTTP', async () => {
    const { body } = await report(CASES.map(({ event }) => event));
    await queue.drained();
    await app.postgres.pool.query('delete from dead_letters');
    await queue.add([CASES.map(({ event }) => event)]);
    await queue.drained();
    const { rows } = await app.postgres.pool.query<Refusal>(
      'select distinct code, message from dead_letters',
    );
    rows.forEach(expectOurs);
    const said = (refusals: readonly Refusal[]) =>
      [...new Set(refusals.map(({ code, message }) => `${code} ${message}`))].toSorted();
    expect(said(rows)).toEqual(said(body.rejected));
  });

  it.each([
    ['of what is no event at all', [7, SECRET, [SECRET], null, true, [[]]]],
    ['of an event without anything', [{}]],
    ['of an event with everything wrong', [Object.fromEntries(FIELDS.map((name) => [name, { SECRET }]))]],
    [
      'of data that is everything wrong',
      [withValue('data', Object.fromEntries(DATA.map((name) => [name, 7])))],
    ],
  ])('%s is in our words', async (_, events) => {
    const { status, body } = await report(events);
    expect([status, body.accepted]).toEqual([422, 0]);
    for (const refusal of body.rejected) expectOurs(refusal);
    await queue.drained();
    await queue.add(events);
    await queue.drained();
    const { rows } = await app.postgres.pool.query<Refusal>('select code, message from dead_letters');
    rows.forEach(expectOurs);
  });

  it.each(['ce-specversion', 'ce-id', 'ce-source', 'ce-type', 'ce-subject', 'ce-time'])(
    'of a header %s that is wrong or missing is in our words',
    async (name) => {
      const event = anEventBody({ subject: 'texts/p' });
      const right = Object.entries(event).filter(([field]) => field !== 'data');
      const headers = Object.fromEntries(right.map(([field, value]) => [`ce-${field}`, String(value)]));
      for (const value of ['', 'x'.repeat(300), '%00', SECRET]) {
        const { body } = await report(event['data'], { ...headers, [name]: value });
        for (const refusal of body.rejected ?? []) expectOurs(refusal);
        expect(JSON.stringify(body)).not.toMatch(NOT_OURS);
      }
      delete headers[name];
      expect((await report(event['data'], headers)).text).not.toMatch(NOT_OURS);
    },
  );

  it.each(['7', '"x"', 'null', 'true', '[]', '[[]]', '{', ''])(
    'of the body %j is in our words',
    async (body) => {
      const { text } = await app.call('POST /v1/usage/events', {
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect(text).not.toMatch(NOT_OURS);
    },
  );
});
