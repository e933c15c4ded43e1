/** Arbitrary usage of many meters, under prices that are known by heart. */
import fc from 'fast-check';
import { INPUT_TOKEN_METERS, OUTPUT_TOKEN_METERS } from '../../src/domain/meters.js';
import { costOf, type UnitPrices } from '../../src/domain/price.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import type { Books } from './books.js';
import { LLAMA } from './builders.js';
import { priceTerms } from './prices.js';

export const FIRST = Date.parse('2026-11-19T22:00:00Z');
export const LAST = Date.parse('2026-11-22T12:00:00Z');
const RICH = 'rich/model';

/** Nothing here prices pages. Batches cost half. */
const RICH_PRICES: UnitPrices = {
  request: 10n ** 9n,
  input: 3_000_000n,
  cached_input: 300_000n,
  cache_write: 3_750_000n,
  cache_write_1h: 6_000_000n,
  input_audio: 40_000_000n,
  cached_input_audio: 4_000_000n,
  output: 15_000_000n,
  reasoning: 20_000_000n,
  output_audio: 80_000_000n,
  search: 10n ** 10n,
};

/**
 * Picodollars, by the price book and by the price that the test publishes. What falls back on the price of another meter is written
 * out. A model without a price costs nothing yet.
 */
const MODELS = new Map<string, UnitPrices>([
  [LLAMA, flat(710_000n, 710_000n)],
  ['cw_deepseek-ai_DeepSeek-R1', flat(1_350_000n, 5_400_000n)],
  [RICH, RICH_PRICES],
  ['nobody/priced-this', {}],
]);

function flat(input: bigint, output: bigint): UnitPrices {
  const prices = [
    ...INPUT_TOKEN_METERS.map((meter) => [meter, input]),
    ...OUTPUT_TOKEN_METERS.map((meter) => [meter, output]),
  ];
  return Object.fromEntries(prices) as UnitPrices;
}

export async function publishRich(books: Books): Promise<void> {
  await books.database.transaction((tx) =>
    books.prices.publish(tx, {
      model: RICH,
      entity: null,
      effectiveFrom: new Date('2026-01-01T00:00:00Z'),
      terms: {
        ...priceTerms(RICH_PRICES),
        variants: [{ when: { service_tier: 'batch' }, multiplier: '0.5' }],
      },
      maxInputTokens: null,
      maxOutputTokens: null,
      source: 'test',
      actor: 'test',
    }),
  );
}

/** A later price of the same meters, so that every event is charged by it. */
export const CORRECTED: UnitPrices = {
  ...flat(3_000_000n, 5_000_000n),
  cached_input: 1_000_000n,
  reasoning: 7_000_000n,
  search: 2n * 10n ** 9n,
  page: 10n ** 9n,
};

const aTime = fc.integer({ min: FIRST, max: LAST - 1 }).map((ms) => new Date(ms));
const anId = fc.option(fc.constantFrom('a', 'b'), { nil: null });
const aCount = fc.integer({ min: 1, max: 1_000_000 });
export const someUsage = fc.record({
  project: fc.constantFrom('p', 'q'),
  model: fc.constantFrom(...MODELS.keys()),
  operation: fc.constantFrom('chat', 'embeddings', 'responses'),
  userId: anId,
  apiKeyId: anId,
  occurredAt: aTime,
  serviceTier: fc.constantFrom('default', 'default', 'batch'),
  quantities: fc.oneof(
    fc.record({ input: aCount, cached_input: aCount, output: fc.integer({ min: 1, max: 2 ** 31 - 1 }) }),
    fc.record(
      {
        input: aCount,
        cached_input: aCount,
        cached_input_audio: aCount,
        cache_write: aCount,
        cache_write_1h: aCount,
        input_audio: aCount,
        output: aCount,
        reasoning: aCount,
        output_audio: aCount,
        search: aCount,
        page: aCount,
      },
      { requiredKeys: ['input'] },
    ),
  ),
});
export type SomeUsage = typeof someUsage extends fc.Arbitrary<infer T> ? T : never;

export function costPicosOf({ model, quantities, serviceTier }: UsageEvent): bigint {
  const cost = costOf(quantities, MODELS.get(model)!);
  return model === RICH && serviceTier === 'batch' ? cost / 2n : cost;
}
