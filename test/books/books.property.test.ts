import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DAY_MS, HOUR_MS } from '../../src/domain/buckets.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { step, type Step } from '../support/books-steps.js';
import { BooksModel } from '../support/books-model.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent } from '../support/builders.js';
import { buy, expectAgreement, publish, setFrozen, voidEvent, voidGrant } from '../support/correcting.js';

const START_MS = Date.parse('2026-11-22T12:00:00Z');

let books: Books;
let count = 0;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
afterEach(() => expectAgreement(books));

/** Sums of an entity without its name. The order of arrival decides which events the credits paid, but not how much of the total. */
async function sumsOf(entity: string): Promise<unknown> {
  const rows = async (sql: string) => (await books.postgres.pool.query(sql, [entity])).rows as unknown[];
  return {
    hourly: await rows(
      `select hour, project, model, operation, period, requests, input_tokens, cached_input_tokens, output_tokens,
         reasoning_tokens, cost_picos
       from hourly_usage where entity = $1 order by 1, 2, 3, 4`,
    ),
    entity: await rows(
      `select period, cost_picos, burnt_picos, overage_picos from entity_spend where entity = $1 order by 1`,
    ),
    burnt: await rows(
      `select sum(paid_burnt_picos) as paid, sum(promotional_burnt_picos) as promotional from hourly_usage where entity = $1`,
    ),
    projects: await rows(
      `select period, project, cost_picos from project_spend where entity = $1 order by 1, 2`,
    ),
    grants: await rows(
      `select priority, remaining_picos, burnt_picos from credit_grants where entity = $1 order by 1`,
    ),
    burns: await rows(
      `select b.booked_hour, b.period, g.priority, b.amount_picos from burns b left join credit_grants g on g.id = b.grant_id
       where b.entity = $1 order by 1, 2, 3`,
    ),
  };
}

describe('a stream of events', () => {
  const events = fc.array(
    fc.record({
      project: fc.constantFrom('search', 'chat'),
      model: fc.constantFrom('property-cheap', 'property-dear'),
      hoursAgo: fc.constantFrom(0, 1, 30, 24 * 21, 24 * 34),
      inputTokens: fc.integer({ min: 0, max: 1_000 }),
      cachedInputTokens: fc.integer({ min: 0, max: 1_000 }),
      outputTokens: fc.integer({ min: 0, max: 1_000 }),
    }),
    { minLength: 1, maxLength: 40 },
  );

  it('gives the same books however it is split into batches, in whatever order, with whatever repetitions, at once or not', async () => {
    await publish(books, 'property-cheap', '0.000001');
    await publish(books, 'property-dear', '0.000007');
    await fc.assert(
      fc.asyncProperty(
        events,
        fc.array(fc.nat(), { minLength: 80, maxLength: 80 }),
        fc.boolean(),
        async (drawn, chances, atOnce) => {
          const entities = [`split${(count += 1)}`, `split${(count += 1)}`] as const;
          const streams = entities.map((entity) =>
            drawn.map(({ project, model, hoursAgo, inputTokens, cachedInputTokens, outputTokens }, index) =>
              anEvent({
                subject: `${entity}/${project}`,
                id: `${entity}-${index}`,
                model,
                occurredAt: new Date(books.clock.now().getTime() - hoursAgo * HOUR_MS),
                quantities: { input: inputTokens, cached_input: cachedInputTokens, output: outputTokens },
              }),
            ),
          );
          for (const entity of entities) {
            await buy(books, entity, 5_000n, { priority: 10 });
            await buy(books, entity, 20_000n, { priority: 20, category: 'promotional' });
          }
          await books.recorder.record(streams[0]!);
          const batches = scatter(streams[1]!, chances);
          if (atOnce) await Promise.all(batches.map((batch) => books.recorder.record(batch)));
          else for (const batch of batches) await books.recorder.record(batch);
          expect(await sumsOf(entities[1])).toEqual(await sumsOf(entities[0]));
        },
      ),
      { numRuns: 15, endOnFailure: true },
    );
  });
});

/** Each event once, some twice, shuffled, in batches of random sizes; the numbers given decide it all. */
function scatter(events: readonly UsageEvent[], chances: readonly number[]): UsageEvent[][] {
  const chance = (index: number): number => chances[index % chances.length]!;
  const sent = events.flatMap((event, index) => (chance(index) % 3 === 0 ? [event, event] : [event]));
  const shuffled = sent
    .map((event, index) => ({ event, place: (chance(index) * 31 + index * 17) % 101 }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ event }) => event);
  const batches: UsageEvent[][] = [];
  for (let index = 0, start = 0; start < shuffled.length; index += 1) {
    const size = 1 + (chance(index) % 7);
    batches.push(shuffled.slice(start, start + size));
    start += size;
  }
  return batches;
}

/** More events than a history can have. */
const EVENTS_MAX = 1_000;

/** One entity, one model, and the model of both in plain arithmetic. */
class History {
  readonly entity = `history${(count += 1)}`;
  private readonly model = `model-of-${this.entity}`;
  private readonly events: UsageEvent[] = [];
  private readonly expected = new BooksModel(3n);
  private prices = 0;

  async begin(): Promise<void> {
    await publish(books, this.model, '0.000003', { from: new Date(START_MS - 400 * DAY_MS).toISOString() });
  }

  async take(step: Step): Promise<void> {
    const nowMs = books.clock.now().getTime();
    const { events, expected, entity } = this;
    switch (step.do) {
      case 'record': {
        // A millisecond of its own for each event, so that the order of occurrence is total.
        const occurredMs = (index: number): number =>
          nowMs - step.hoursAgo * HOUR_MS + events.length + index - EVENTS_MAX;
        const batch = step.tokens.map((inputTokens, index) =>
          anEvent({
            subject: `${entity}/p`,
            id: `${entity}-${events.length + index}`,
            model: this.model,
            occurredAt: new Date(occurredMs(index)),
            quantities: { input: inputTokens },
          }),
        );
        await books.recorder.record(batch);
        step.tokens.forEach((tokens, index) =>
          expected.record(BigInt(tokens), { occurredMs: occurredMs(index), nowMs }),
        );
        events.push(...batch);
        return;
      }
      case 'repeat':
        if (events.length > 0) await books.recorder.record([events[step.which % events.length]!]);
        return;
      case 'void': {
        if (events.length === 0) return;
        const which = step.which % events.length;
        await voidEvent(books, events[which]!);
        return expected.void(which, nowMs);
      }
      case 'rerate': {
        // A later instant of the far past: in force for all events, and preferred to the price before it.
        const from = new Date(START_MS - 399 * DAY_MS + (this.prices += 1) * 1_000);
        await publish(books, this.model, `0.00000${step.price}`, { from: from.toISOString() });
        const order = { model: this.model, entity: null, reason: 'r', actor: 't' };
        await books.rerating.rerate({
          ...order,
          from: new Date(START_MS - 60 * DAY_MS),
          to: new Date(nowMs + 1),
        });
        return expected.rerate(BigInt(step.price), nowMs);
      }
      case 'grant': {
        const { amount, priority, days, startHours } = step;
        const startMs = startHours === null ? null : nowMs + startHours * HOUR_MS;
        const expiresMs = days === null ? null : nowMs + days * DAY_MS;
        const expiresAt = expiresMs === null ? null : new Date(expiresMs);
        const effectiveAt = startMs === null ? null : new Date(startMs);
        const { id } = await buy(books, entity, BigInt(amount), { priority, effectiveAt, expiresAt });
        return expected.grant({ id, amount: BigInt(amount), priority, startMs, expiresMs, createdMs: nowMs });
      }
      case 'void grant': {
        const { grants } = expected;
        if (grants.length === 0) return;
        const which = step.which % grants.length;
        await voidGrant(books, { entity, id: grants[which]!.id });
        return expected.voidGrant(which);
      }
      case 'take back': {
        const { grants } = expected;
        if (grants.length === 0) return;
        const which = step.which % grants.length;
        const amountPicos = (expected.takeable(which) * step.percent) / 100n;
        if (amountPicos === 0n) return;
        await voidGrant(books, { entity, id: grants[which]!.id }, { amountPicos, refund: step.refund });
        return expected.takeBack(which, amountPicos, nowMs);
      }
      case 'freeze':
      case 'unfreeze': {
        const { grants } = expected;
        if (grants.length === 0) return;
        const which = step.which % grants.length;
        await setFrozen(books, { entity, id: grants[which]!.id }, step.do);
        return expected.freeze(which, step.do === 'freeze', nowMs);
      }
      case 'wait':
        return books.clock.advance(step.hours * HOUR_MS);
      case 'upkeep':
        await books.expiry.expire();
        await books.posting.post();
        return expected.expire(nowMs);
      case 'close':
        await books.periods.closePeriods();
        await books.days.build();
        return expected.close(nowMs);
    }
  }

  async check(): Promise<void> {
    const { pool } = books.postgres;
    const spend = await pool.query<{ period: string; cost: string; burnt: string }>(
      `select period, cost_picos::text as cost, burnt_picos::text as burnt from entity_spend where entity = $1 order by 1`,
      [this.entity],
    );
    const expectedSpend = [...this.expected.spend].toSorted(([a], [b]) => (a < b ? -1 : 1));
    expect(spend.rows).toEqual(
      expectedSpend.map(([period, { cost, burnt }]) => ({
        period,
        cost: String(cost),
        burnt: String(burnt),
      })),
    );
    const grants = await books.grants.of(books.database.reader, this.entity);
    expect(
      new Map(
        grants.map((g) => [
          g.id,
          [g.remainingPicos, g.burntPicos, g.voidedPicos + g.expiredPicos, g.repaidPicos],
        ]),
      ),
    ).toEqual(
      new Map(
        this.expected.grants.map(({ id, left, burnt, gone, repaid }) => [id, [left, burnt, gone, repaid]]),
      ),
    );
    expect(grants.reduce((sum, { owedPicos }) => sum + owedPicos, 0n)).toBe(this.expected.owed);
    const { rows } = await pool.query<{ period: string; cost: string }>(
      `select period, cost_picos::text as cost from closed_periods where entity = $1`,
      [this.entity],
    );
    const closed = new Map(rows.map(({ period, cost }) => [period, cost]));
    for (const [period, { cost }] of this.expected.closed) expect(closed.get(period)).toBe(String(cost));
    await expectAgreement(books);
  }
}

describe('any history of records, voids, re-ratings, grants, expiries and closes', () => {
  it('leaves books that agree with each other and with plain arithmetic', async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const history = new History();
        await history.begin();
        for (const step of steps) await history.take(step);
        await history.check();
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });
});
