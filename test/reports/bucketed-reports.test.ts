import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BucketWidth } from '../../src/domain/buckets.js';
import { outputTokensOf, promptTokensOf } from '../../src/domain/meters.js';
import { costOf as costPicosAt } from '../../src/domain/price.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { BucketedReports } from '../../src/reports/bucketed-reports.js';
import type { UsageGroup } from '../../src/reports/organization-usage.sql.js';
import type { CostGroup } from '../../src/reports/organization-costs.sql.js';
import { presentCompletions } from '../../src/reports/organization-usage.presenter.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent, LLAMA } from '../support/builders.js';
import {
  costPicosOf,
  CORRECTED,
  FIRST,
  LAST,
  publishRich,
  someUsage,
  type SomeUsage,
} from '../support/many-meters.js';
import { priceTerms } from '../support/prices.js';

const WIDTHS = ['1m', '1h', '1d'] as const;

/** Reports with a page size of our own. */
class ShortPages extends BucketedReports {
  override readonly pageResultsMax: number;

  constructor(resultsMax: number) {
    super(books.database.lagging, books.clock);
    this.pageResultsMax = resultsMax;
  }
}

let books: Books;
let reports: BucketedReports;
beforeAll(async () => {
  books = await theBooks();
  await publishRich(books);
  reports = new BucketedReports(books.database.lagging, books.clock);
});
afterAll(() => books.close());

const aRange = fc
  .tuple(fc.integer({ min: FIRST / 1000, max: LAST / 1000 }), fc.integer({ min: 1, max: 200_000 }))
  .map(([start, seconds]) => ({ start: new Date(start * 1000), end: new Date((start + seconds) * 1000) }));

type Sum = Record<'requests' | 'input' | 'cached' | 'audio' | 'output' | 'audioOutput' | 'written', number>;
type Sums = Record<string, Sum>;

const NOTHING: Sum = { requests: 0, input: 0, cached: 0, audio: 0, output: 0, audioOutput: 0, written: 0 };

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
      batch: null,
    });
    const counts = page.buckets.map(({ rows }) => rows.length);
    // One bucket with more results than a page is not cut.
    expect(
      Math.max(0, ...counts.slice(1)) === 0 || counts.reduce((a, b) => a + b) <= from.pageResultsMax,
    ).toBe(true);
    for (const { results } of presentCompletions(page).data) {
      for (const row of results) {
        add((sums[nameOf(row)] ??= { ...NOTHING }), {
          requests: row.num_model_requests,
          input: row.input_tokens,
          cached: row.input_cached_tokens,
          audio: row.input_audio_tokens,
          output: row.output_tokens,
          audioOutput: row.output_audio_tokens,
          written: row.input_cache_write_tokens,
        });
      }
    }
    cursor = page.next;
  }
  return sums;
}

function add(sum: Sum, more: Sum): void {
  for (const field of Object.keys(sum) as (keyof Sum)[]) sum[field] += more[field];
}

type Named = Record<'project_id' | 'user_id' | 'api_key_id' | 'model' | 'service_tier', string | null> & {
  batch: boolean | null;
};

function nameOf(row: Named): string {
  return [row.project_id, row.user_id, row.api_key_id, row.model, row.service_tier, row.batch].join('|');
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

function countsOf({ quantities }: UsageEvent): Sum {
  const { cached_input = 0, cached_input_audio = 0, cache_write = 0, cache_write_1h = 0 } = quantities;
  return {
    requests: 1,
    input: promptTokensOf(quantities),
    cached: cached_input + cached_input_audio,
    audio: quantities.input_audio ?? 0,
    output: outputTokensOf(quantities),
    audioOutput: quantities.output_audio ?? 0,
    written: cache_write + cache_write_1h,
  };
}

let entities = 0;

/** When the days that have ended are rolled up. Later usage invalidates its days. */
const aRollUp = fc.constantFrom('never', 'between the batches', 'after both' as const);

/** Records the usage for an entity of its own, in two batches. */
async function record(
  usage: readonly SomeUsage[],
  rollUp: typeof aRollUp extends fc.Arbitrary<infer T> ? T : never = 'after both',
) {
  const entity = `sums${(entities += 1)}`;
  const events = usage.map(({ project, ...rest }) => anEvent({ ...rest, subject: `${entity}/${project}` }));
  await books.recorder.record(events.slice(0, 5));
  if (rollUp === 'between the batches') await books.days.build();
  await books.recorder.record(events.slice(5));
  if (rollUp === 'after both') await books.days.build();
  return { entity, events };
}

describe('sums of reports', () => {
  it('of usage over any range equal those of its events, whatever the bucket width, the grouping and the page size', async () => {
    const groups = fc.uniqueArray(
      fc.constantFrom('project', 'user', 'apiKey', 'model', 'serviceTier', 'batch' as const),
    );
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
              project_id: groupBy.has('project') ? event.project : null,
              user_id: groupBy.has('user') ? event.userId : null,
              api_key_id: groupBy.has('apiKey') ? event.apiKeyId : null,
              model: groupBy.has('model') ? event.model : null,
              service_tier: groupBy.has('serviceTier') ? event.serviceTier : null,
              batch: groupBy.has('batch') ? event.serviceTier === 'batch' : null,
            });
            add((expected[name] ??= { ...NOTHING }), countsOf(event));
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
        terms: priceTerms(CORRECTED),
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
    const expected = rest.reduce((sum, { quantities }) => sum + costPicosAt(quantities, CORRECTED), 0n);
    const all = { start: new Date(FIRST), end: new Date(LAST) };
    for (const grouping of [[], ['lineItem'], ['project', 'apiKey']] as const)
      expect(await costOf(entity, all, new Set(grouping))).toBe(expected);
    for (const width of WIDTHS) {
      for (const groupBy of [new Set<UsageGroup>(), new Set<UsageGroup>(['user', 'model'])]) {
        const kinds = ['completions', 'embeddings'] as const;
        const sums = await Promise.all(
          kinds.map((kind) => usageOf({ entity, range: all, width, kind, groupBy })),
        );
        const requests = sums.flatMap((sum) => Object.values(sum)).reduce((a, b) => a + b.requests, 0);
        expect(requests).toBe(38);
      }
    }
    expect((await books.reconciliation.run()).ok).toBe(true);
  });
});
