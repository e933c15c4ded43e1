/** The list of customers against arithmetic over the events that were recorded. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { picosFromUsd } from '@tally/client/protocol';
import { DAY_MS, HOUR_MS } from '../../src/domain/buckets.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { servicesOver, type Services } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';

/** The month began 21.5 days ago; the last of October's events that count as the same days are of the hour that ends at noon. */
const NOW_MS = Date.parse('2026-11-22T11:40:00Z');
const NOVEMBER_MS = Date.parse('2026-11-01T00:00:00Z');
const OCTOBER_MS = Date.parse('2026-10-01T00:00:00Z');
const SAME_HOURS_END_MS = Date.parse('2026-10-22T12:00:00Z');
const HOUR_BEGUN_MS = Date.parse('2026-11-22T11:00:00Z');

type Event = { readonly occurredMs: number; readonly picos: bigint };
type Row = Record<string, string | number | null> & { entity: string };

type Drawn = {
  readonly plan: 'free' | 'pro';
  readonly cap: string | null | undefined;
  readonly yearlyCap: string | null | undefined;
  readonly overage: 'blocked' | 'allowed' | undefined;
  readonly credits: readonly string[];
  readonly usage: readonly { readonly hoursAgo: number; readonly tokens: number }[];
};

const USD = ['0.5', '3', '20', '900'] as const;

const customer: fc.Arbitrary<Drawn> = fc.record({
  plan: fc.constantFrom('free', 'pro'),
  cap: fc.constantFrom(undefined, null, '0', '0.001', ...USD),
  yearlyCap: fc.constantFrom(undefined, null, '2'),
  overage: fc.constantFrom(undefined, 'blocked', 'allowed'),
  credits: fc.array(fc.constantFrom(...USD), { maxLength: 2 }),
  usage: fc.array(
    fc.record({
      hoursAgo: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 24 * 52 })),
      tokens: fc.integer({ min: 1, max: 3_000_000 }),
    }),
    { maxLength: 12 },
  ),
});

let app: TestApp;
let services: Services;
let close: () => void;
const clock = new TestClock();
beforeAll(async () => {
  app = await anApp({ clock });
  const redis = connectRedis(app.redis.url, 'impatient');
  await untilReady(redis);
  services = servicesOver({ database: app.database, clock, redis });
  close = () => redis.disconnect();
});
afterAll(async () => {
  close();
  await app.close();
});

let runs = 0;

/** Records each event on the day it occurred, so that each month is charged its own. */
async function make(customers: readonly Drawn[], isRolledUp: boolean): Promise<Map<string, Event[]>> {
  const prefix = `run${(runs += 1)}-`;
  clock.set(new Date(NOW_MS - 60 * DAY_MS));
  const events: (Event & { entity: string; tokens: number })[] = [];
  for (const [index, { plan, cap, yearlyCap, overage, credits, usage }] of customers.entries()) {
    const entity = `${prefix}${index}`;
    await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan } });
    const limits = { monthly_cap_usd: cap, yearly_cap_usd: yearlyCap, overage };
    await app.call(`PATCH /v1/admin/entities/${entity}/limits`, { body: limits });
    for (const amount_usd of credits)
      await app.call(`POST /v1/admin/entities/${entity}/credits`, { body: { amount_usd } });
    for (const { hoursAgo, tokens } of usage) {
      const occurredMs = NOW_MS - hoursAgo * HOUR_MS;
      events.push({ entity, occurredMs, tokens, picos: BigInt(tokens) * LLAMA_PICOS_PER_TOKEN });
    }
  }
  events.sort((a, b) => a.occurredMs - b.occurredMs);
  for (const { entity, occurredMs, tokens } of events) {
    clock.set(new Date(occurredMs));
    const event = { subject: `${entity}/p`, occurredAt: clock.now(), quantities: { input: tokens } };
    await services.recorder.record([anEvent(event)]);
  }
  clock.set(new Date(NOW_MS));
  if (isRolledUp) await services.days.build();
  const of = (entity: string) => events.filter((event) => event.entity === entity);
  return new Map(customers.map((_, index) => [`${prefix}${index}`, of(`${prefix}${index}`)]));
}

const sumOf = (events: readonly Event[], fromMs: number, toMs: number): bigint =>
  events
    .filter(({ occurredMs }) => occurredMs >= fromMs && occurredMs < toMs)
    .reduce((sum, { picos }) => sum + picos, 0n);

/** What a row must say, from the events and from what the customer's own balance says. */
async function expectedOf(entity: string, events: readonly Event[]) {
  const { body: balance } = await app.call(`GET /v1/entities/${entity}/balance`);
  const month = sumOf(events, NOVEMBER_MS, Infinity);
  const previous = sumOf(events, OCTOBER_MS, NOVEMBER_MS);
  const sameDays = sumOf(events, OCTOBER_MS, SAME_HOURS_END_MS);
  const pace = sumOf(events, HOUR_BEGUN_MS - 7 * DAY_MS, HOUR_BEGUN_MS + HOUR_MS);
  const credits = picosFromUsd(balance.credits_usd);
  const cap = balance.monthly_cap_usd === null ? null : picosFromUsd(balance.monthly_cap_usd);
  const yearlyCap = balance.yearly_cap_usd === null ? null : picosFromUsd(balance.yearly_cap_usd);
  const { body: limits } = await app.call(`GET /v1/admin/entities/${entity}`);
  const isCapped =
    (cap !== null && month >= cap) || (yearlyCap !== null && sumOf(events, 0, Infinity) >= yearlyCap);
  const state = isCapped
    ? 'cap_reached'
    : credits > 0n
      ? 'within_limits'
      : limits.overage === 'blocked'
        ? 'out_of_credits'
        : balance.overage_usd === '0'
          ? 'within_limits'
          : 'overage';
  const isOut = state === 'out_of_credits' && pace > 0n;
  const untilMs = isOut ? 0n : credits > 0n && pace > 0n ? (credits * BigInt(7 * DAY_MS)) / pace : null;
  return { entity, isOut, balance, limits, month, previous, sameDays, pace, credits, cap, state, untilMs };
}

type Expected = Awaited<ReturnType<typeof expectedOf>>;

function expectRow(row: Row, expected: Expected): void {
  const { balance, month, sameDays, untilMs, cap } = expected;
  const picos = (field: string) => picosFromUsd(String(row[field]));
  expect({
    month: picos('month_to_date_usd'),
    previous: picos('previous_month_usd'),
    sameDays: picos('previous_same_days_usd'),
    change: picos('change_usd'),
    state: row['state'],
    plan: row['plan'],
    credits: row['credits_usd'],
    held: row['held_usd'],
    cap: row['monthly_cap_usd'],
    share: row['monthly_cap_share'],
    forecast: row['forecast_usd'],
    until: row['credits_until'],
  }).toEqual({
    month,
    previous: expected.previous,
    sameDays,
    change: month - sameDays,
    state: expected.state,
    plan: expected.limits.plan,
    credits: balance.credits_usd,
    held: balance.held_usd,
    cap: balance.monthly_cap_usd,
    share: shareOf(month, cap),
    forecast: balance.forecast_usd,
    until:
      untilMs === null || untilMs > 3_650n * BigInt(DAY_MS)
        ? null
        : Math.floor((NOW_MS + Number(untilMs)) / 1000),
  });
}

/** Of the cap, rounded down to four decimals. */
function shareOf(month: bigint, cap: bigint | null): string | null {
  if (cap === null || cap === 0n) return null;
  const tenThousandths = (month * 10_000n) / cap;
  return `${tenThousandths / 10_000n}.${String(tenThousandths % 10_000n).padStart(4, '0')}`;
}

/** A value to sort by, as a fraction; null has none. */
const FRACTIONS: Readonly<Record<string, (of: Expected) => readonly [bigint, bigint] | null>> = {
  month_to_date_usd: ({ month }) => [month, 1n],
  previous_month_usd: ({ previous }) => [previous, 1n],
  previous_same_days_usd: ({ sameDays }) => [sameDays, 1n],
  change_usd: ({ month, sameDays }) => [month - sameDays, 1n],
  monthly_cap_share: ({ month, cap }) => (cap === null || cap === 0n ? null : [month, cap]),
  credits_usd: ({ credits }) => [credits, 1n],
  // Beyond ten years there is no day, as there is none where nothing is spent.
  credits_until: ({ isOut, credits, pace }) =>
    isOut ? [0n, 1n] : credits === 0n || pace === 0n || credits * 7n > pace * 3_650n ? null : [credits, pace],
};

function inOrder(all: readonly Expected[], sort: string): string[] {
  const fraction = FRACTIONS[sort.replace('-', '')]!;
  const sign = sort.startsWith('-') ? -1n : 1n;
  const compare = (a: Expected, b: Expected): number => {
    const [x, y] = [fraction(a), fraction(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return Number(sign * (x[0] * y[1] - y[0] * x[1]) > 0n) - Number(sign * (x[0] * y[1] - y[0] * x[1]) < 0n);
  };
  const byName = (a: Expected, b: Expected) => (a.entity < b.entity ? -1 : 1);
  return all.toSorted((a, b) => compare(a, b) || byName(a, b)).map(({ entity }) => entity);
}

async function walk(query: string): Promise<{ rows: Row[]; totals: Record<string, unknown> }> {
  const rows: Row[] = [];
  for (let after = ''; ;) {
    const { body } = await app.call(`GET /v1/entities?limit=4&${query}${after}`);
    rows.push(...body.data);
    if (!body.has_more) return { rows, totals: body.totals };
    after = `&after=${body.last_id}`;
  }
}

describe('the list of customers', () => {
  it('says of any customers what their events, their balances and exact arithmetic say, in any order, by any filter', async () => {
    expect.hasAssertions();
    const customers = fc.array(customer, { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(customers, fc.boolean(), async (drawn, isRolledUp) => {
        const made = await make(drawn, isRolledUp);
        const all: Expected[] = [];
        for (const [entity, events] of made) all.push(await expectedOf(entity, events));
        const byName = new Map(all.map((each) => [each.entity, each]));
        const prefix = `run${runs}-`;
        for (const sort of Object.keys(FRACTIONS).flatMap((name) => [name, `-${name}`])) {
          const { rows } = await walk(`search=${prefix}&sort=${sort}`);
          expect([sort, rows.map(({ entity }) => entity)]).toEqual([sort, inOrder(all, sort)]);
          for (const row of rows) expectRow(row, byName.get(row.entity)!);
        }
        for (const [field, value] of [
          ['plan', 'pro'],
          ...['cap_reached', 'out_of_credits', 'overage', 'within_limits'].map((state) => ['state', state]),
        ] as [string, string][]) {
          const { rows, totals } = await walk(`search=${prefix}&${field}=${value}`);
          const wanted = all.filter((each) => (field === 'plan' ? each.limits.plan : each.state) === value);
          expect(rows.map(({ entity }) => entity)).toEqual(wanted.map(({ entity }) => entity));
          const sum = (of: (each: Expected) => bigint) => wanted.reduce((s, each) => s + of(each), 0n);
          expect([
            totals['entities'],
            ...['month_to_date_usd', 'previous_month_usd', 'credits_usd'].map((name) =>
              picosFromUsd(String(totals[name])),
            ),
          ]).toEqual([
            wanted.length,
            sum(({ month }) => month),
            sum(({ previous }) => previous),
            sum(({ credits }) => credits),
          ]);
        }
      }),
      { numRuns: 6, endOnFailure: true },
    );
  });
});
