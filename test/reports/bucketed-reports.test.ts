import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BucketWidth } from '../../src/domain/buckets.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { BucketedReports } from '../../src/reports/bucketed-reports.js';
import type { UsageGroup } from '../../src/reports/organization-usage.sql.js';
import type { CostGroup } from '../../src/reports/organization-costs.sql.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent, LLAMA } from '../support/builders.js';

/** Picodollars per input and output token, by the price book. A model without a price costs nothing yet. */
const MODELS = new Map([
  [LLAMA, [710_000n, 710_000n]],
  ['cw_deepseek-ai_DeepSeek-R1', [1_350_000n, 5_400_000n]],
  ['cw_BAAI_bge-m3', [10_000n, 0n]],
  ['nobody/priced-this', [0n, 0n]],
] as const);

const FIRST = Date.parse('2026-11-19T22:00:00Z');
const LAST = Date.parse('2026-11-22T12:00:00Z');
const WIDTHS = ['1m', '1h', '1d'] as const;

/** Reports with a page size of our own. */
class ShortPages extends BucketedReports {
  override readonly pageResultsMax: number;

  constructor(resultsMax: number) {
    super(books.database, books.clock);
    this.pageResultsMax = resultsMax;
  }
}

let books: Books;
let reports: BucketedReports;
beforeAll(async () => {
  books = await theBooks();
  reports = new BucketedReports(books.database, books.clock);
});
afterAll(() => books.close());

const aTime = fc.integer({ min: FIRST, max: LAST - 1 }).map((ms) => new Date(ms));
const anId = fc.option(fc.constantFrom('a', 'b'), { nil: null });
const someUsage = fc.record({
  project: fc.constantFrom('p', 'q'),
  model: fc.constantFrom(...MODELS.keys()),
  operation: fc.constantFrom('chat', 'embeddings', 'responses'),
  userId: anId,
  apiKeyId: anId,
  occurredAt: aTime,
  inputTokens: fc.nat(1_000_000),
  cachedInputTokens: fc.nat(1_000),
  outputTokens: fc.nat(2 ** 31 - 1),
});
const aRange = fc
  .tuple(fc.integer({ min: FIRST / 1000, max: LAST / 1000 }), fc.integer({ min: 1, max: 200_000 }))
  .map(([start, seconds]) => ({ start: new Date(start * 1000), end: new Date((start + seconds) * 1000) }));

type Sums = Record<string, { requests: bigint; input: bigint; cached: bigint; output: bigint }>;

/** All pages of a report, summed by group. */
async function usageOf(
  of: {
    entity: string;
    range: { start: Date; end: Date };
    width: BucketWidth;
    kind: 'completions' | 'embeddings';
    groupBy: ReadonlySet<UsageGroup>;
  },
  from = reports,
): Promise<Sums> {
  const sums: Sums = {};
  for (let cursor: string | null = '', pages = 0; cursor !== null && pages < 100; pages += 1) {
    const page = await from.usage({
      ...of,
      ...of.range,
      bucketCountMax: 1_440,
      cursor: cursor === '' ? null : cursor,
      projects: null,
      users: null,
      apiKeys: null,
      models: null,
    });
    const counts = page.buckets.map(({ rows }) => rows.length);
    // One bucket with more results than a page is not cut.
    expect(
      Math.max(0, ...counts.slice(1)) === 0 || counts.reduce((a, b) => a + b) <= from.pageResultsMax,
    ).toBe(true);
    for (const { rows } of page.buckets) {
      for (const row of rows) {
        const sum = (sums[nameOf(row)] ??= { requests: 0n, input: 0n, cached: 0n, output: 0n });
        sum.requests += row.requests;
        sum.input += row.inputTokens;
        sum.cached += row.cachedInputTokens;
        sum.output += row.outputTokens;
      }
    }
    cursor = page.next;
  }
  return sums;
}

function nameOf(row: Record<'project' | 'user' | 'apiKey' | 'model', string | null>): string {
  return [row.project, row.user, row.apiKey, row.model].join('|');
}

async function costOf(
  entity: string,
  range: { start: Date; end: Date },
  groupBy: ReadonlySet<CostGroup>,
): Promise<bigint> {
  const order = { entity, ...range, width: '1d', bucketCountMax: 31, cursor: null, groupBy } as const;
  const page = await reports.costs({ ...order, projects: null, apiKeys: null });
  expect(page.next).toBeNull();
  return page.buckets.flatMap(({ rows }) => rows).reduce((sum, row) => sum + row.costPicos, 0n);
}

function isWithin({ occurredAt }: UsageEvent, { start, end }: { start: Date; end: Date }): boolean {
  return occurredAt >= start && occurredAt < end;
}

function costPicosOf({ model, tokens }: UsageEvent): bigint {
  const [input, output] = [...MODELS].find(([name]) => name === model)![1];
  return BigInt(tokens.inputTokens + tokens.cachedInputTokens) * input + BigInt(tokens.outputTokens) * output;
}

let entities = 0;

/** When the days that have ended are rolled up. Later usage invalidates its days. */
const aRollUp = fc.constantFrom('never', 'between the batches', 'after both' as const);

/** Records the usage for an entity of its own, in two batches. */
async function record(
  usage: readonly (typeof someUsage extends fc.Arbitrary<infer T> ? T : never)[],
  rollUp: typeof aRollUp extends fc.Arbitrary<infer T> ? T : never = 'after both',
) {
  const entity = `sums${(entities += 1)}`;
  const events = usage.map(({ project, inputTokens, cachedInputTokens, outputTokens, ...rest }) =>
    anEvent({
      ...rest,
      subject: `${entity}/${project}`,
      tokens: { inputTokens, cachedInputTokens, outputTokens },
    }),
  );
  await books.recorder.record(events.slice(0, 5));
  if (rollUp === 'between the batches') await books.days.build();
  await books.recorder.record(events.slice(5));
  if (rollUp === 'after both') await books.days.build();
  return { entity, events };
}

describe('sums of reports', () => {
  it('of usage over any range equal those of its events, whatever the bucket width, the grouping and the page size', async () => {
    const groups = fc.uniqueArray(fc.constantFrom('project', 'user', 'apiKey', 'model' as const));
    await fc.assert(
      fc.asyncProperty(
        fc.array(someUsage, { minLength: 1, maxLength: 30 }),
        aRange,
        groups,
        fc.constantFrom('completions', 'embeddings' as const),
        aRollUp,
        fc.constantFrom(1, 2, 5, 20_000),
        async (usage, range, grouping, kind, rollUp, resultsMax) => {
          const { entity, events } = await record(usage, rollUp);
          const groupBy = new Set(grouping);
          const expected: Sums = {};
          for (const event of events.filter((event) => isWithin(event, range))) {
            if ((event.operation === 'embeddings') !== (kind === 'embeddings')) continue;
            const name = nameOf({
              project: groupBy.has('project') ? event.project : null,
              user: groupBy.has('user') ? event.userId : null,
              apiKey: groupBy.has('apiKey') ? event.apiKeyId : null,
              model: groupBy.has('model') ? event.model : null,
            });
            const sum = (expected[name] ??= { requests: 0n, input: 0n, cached: 0n, output: 0n });
            const { inputTokens, cachedInputTokens, outputTokens } = event.tokens;
            sum.requests += 1n;
            sum.input += BigInt(inputTokens + cachedInputTokens);
            sum.cached += BigInt(cachedInputTokens);
            sum.output += BigInt(outputTokens);
          }
          for (const width of WIDTHS)
            expect(
              await usageOf({ entity, range, width, kind, groupBy }, new ShortPages(resultsMax)),
            ).toEqual(expected);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('of costs equal those of the events over any range and grouping, and those of the ledger over all time', async () => {
    const groups = fc.uniqueArray(fc.constantFrom('project', 'lineItem', 'apiKey' as const));
    await fc.assert(
      fc.asyncProperty(
        fc.array(someUsage, { minLength: 1, maxLength: 30 }),
        aRange,
        groups,
        aRollUp,
        async (usage, range, grouping, rollUp) => {
          const { entity, events } = await record(usage, rollUp);
          const groupBy = new Set(grouping);
          const expected = events
            .filter((event) => isWithin(event, range))
            .reduce((sum, event) => sum + costPicosOf(event), 0n);
          expect(await costOf(entity, range, groupBy)).toBe(expected);
          const { rows } = await books.postgres.pool.query<{ burnt: string }>(
            'select coalesce(sum(amount_picos), 0)::text as burnt from burns where entity = $1',
            [entity],
          );
          const all = { start: new Date(FIRST), end: new Date(LAST) };
          expect(String(await costOf(entity, all, groupBy))).toBe(rows[0]?.burnt);
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each([
    ['hours and events', false],
    ['days', true],
  ])('follow corrections, where they come out of %s', async (_name, rollUp) => {
    const usage = fc.sample(someUsage, { numRuns: 40, seed: 7 });
    const { entity, events } = await record(usage.map((one) => ({ ...one, model: LLAMA })));
    const [first, second, ...rest] = events;
    for (const { source, id } of [first!, second!]) {
      const located = await books.voids.locate({ source, id, occurredAt: null, entity: null });
      const by = { reason: 'test', actor: 'test' };
      await books.database.transaction((tx) => books.voids.void(tx, located, by));
    }
    await books.database.transaction((tx) =>
      books.prices.publish(tx, {
        model: LLAMA,
        entity: first!.entity,
        effectiveFrom: new Date(FIRST),
        inputPicosPerToken: 3_000_000n,
        cachedInputPicosPerToken: 1_000_000n,
        outputPicosPerToken: 5_000_000n,
        maxInputTokens: null,
        maxOutputTokens: null,
        source: 'test',
        actor: 'test',
      }),
    );
    await books.rerating.rerate({
      model: LLAMA,
      from: new Date(FIRST),
      to: new Date(LAST),
      entity: first!.entity,
      reason: 'test',
      actor: 'test',
    });
    expect((rollUp ? await books.days.build() : 0) > 0).toBe(rollUp);
    const expected = rest.reduce(
      (sum, { tokens }) =>
        sum +
        BigInt(tokens.inputTokens) * 3_000_000n +
        BigInt(tokens.cachedInputTokens) * 1_000_000n +
        BigInt(tokens.outputTokens) * 5_000_000n,
      0n,
    );
    const all = { start: new Date(FIRST), end: new Date(LAST) };
    for (const grouping of [[], ['lineItem'], ['project', 'apiKey']] as const)
      expect(await costOf(entity, all, new Set(grouping))).toBe(expected);
    for (const width of WIDTHS) {
      for (const groupBy of [new Set<UsageGroup>(), new Set<UsageGroup>(['user', 'model'])]) {
        const kinds = ['completions', 'embeddings'] as const;
        const sums = await Promise.all(
          kinds.map((kind) => usageOf({ entity, range: all, width, kind, groupBy })),
        );
        const requests = sums.flatMap((sum) => Object.values(sum)).reduce((a, b) => a + b.requests, 0n);
        expect(requests).toBe(38n);
      }
    }
    expect((await books.reconciliation.run()).ok).toBe(true);
  });
});
