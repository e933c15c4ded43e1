/** What usage costs by our reading of the price map is what LiteLLM's own calculator says, and what the entries' own fields say. */
import type { Quantities } from '../../../src/domain/meters.js';
import { costOf } from '../../../src/domain/price.js';
import { litellmCosts, litellmMap, priceEntries, priceOf, resolved } from './price-map-data.js';

type Line = { entry: Record<string, unknown>; tier: string; quantities: Quantities; promptTokens: number };

const WRITES = {
  cache_write: '',
  cache_write_30m: '',
  cache_write_1h: '_above_1hr',
  cache_write_12h: '_above_12hr',
};

/** Where LiteLLM's calculator charges something else than what the map says, or than what Tally says of the map. */
const DIFFERENCES: Record<string, { holds: (line: Line) => boolean; usages: number }> = {
  'for Fireworks it invents a price of cached input where the map has none; Tally charges input': {
    holds: ({ entry, quantities }) =>
      entry['litellm_provider'] === 'fireworks_ai' &&
      entry['cache_read_input_token_cost'] === undefined &&
      quantities.cached_input !== undefined,
    usages: 23,
  },
  'for xAI a size begins at its number of tokens; Tally reads "above" as it stands': {
    holds: ({ entry, promptTokens }) => entry['litellm_provider'] === 'xai' && promptTokens === 200_000,
    usages: 3,
  },
  'in a batch it charges cache writes that have no price of the batch like batch input; Tally charges the standard price':
    {
      holds: ({ entry, tier, quantities }) =>
        tier === 'batch' &&
        Object.entries(WRITES).some(
          ([meter, kept]) =>
            meter in quantities && entry[`cache_creation_input_token_cost${kept}_batches`] === undefined,
        ),
      usages: 24,
    },
  'in a batch it leaves out sizes that have no price of the batch; Tally takes the size before the tier, as it does elsewhere':
    {
      holds: ({ entry, tier, promptTokens }) =>
        tier === 'batch' &&
        Object.keys(entry).some((name) => {
          const size = /^(?:in|out)put_cost_per_token_above_(\d+)k_tokens$/.exec(name);
          return (
            size !== null && promptTokens > Number(size[1]) * 1_000 && entry[`${name}_batches`] === undefined
          );
        }),
      usages: 2,
    },
  'it does not round a price that is no whole number of picodollars': {
    holds: ({ entry }) => priceOf('a', entry, { allowLossy: true, allowFree: true }).rounded.length > 0,
    usages: 2,
  },
};

describe('usage of the price map', () => {
  /**
   * LiteLLM adds doubles: their digits are right to a part in 10^15, which is far below a picodollar for any of these costs. So the
   * nearest whole picodollar is what it means.
   */
  it('costs what the calculator of LiteLLM says, but for the differences that are named', () => {
    const unexplained: unknown[] = [];
    const counts: Record<string, number> = {};
    let same = 0;
    for (const [model, tier, region, attributes, at, quantities, usd] of litellmCosts) {
      const reading = priceOf(model, litellmMap[model], { allowLossy: true, allowFree: true });
      const use = { quantities, serviceTier: tier, region, attributes, at };
      const cost = Number(costOf(quantities, resolved(reading, use).unitPrices));
      if (Math.abs(cost - usd * 1e12) <= 0.5 + cost * 1e-12) {
        same += 1;
        continue;
      }
      const line = { entry: litellmMap[model]!, tier, quantities, promptTokens: promptTokensIn(quantities) };
      const why = Object.entries(DIFFERENCES).find(([, { holds }]) => holds(line))?.[0];
      if (why === undefined) unexplained.push({ model, tier, region, attributes, quantities, cost, usd });
      else counts[why] = (counts[why] ?? 0) + 1;
    }
    expect(unexplained).toEqual([]);
    expect(counts).toEqual(
      Object.fromEntries(Object.entries(DIFFERENCES).map(([why, { usages }]) => [why, usages])),
    );
    expect(same).toBe(1_946);
  });

  it('costs what the fields of the entry say, to the picodollar', () => {
    for (const { model, service_tier: serviceTier, quantities, cost_picos } of priceEntries.usages) {
      const { unitPrices } = resolved(priceOf(model, priceEntries.entries[model]), {
        quantities,
        serviceTier,
      });
      expect({ model, serviceTier, cost: costOf(quantities, unitPrices).toString() }).toEqual({
        model,
        serviceTier,
        cost: cost_picos,
      });
    }
    expect(priceEntries.usages).toHaveLength(79);
  });
});

function promptTokensIn(quantities: Quantities): number {
  return Object.entries(quantities)
    .filter(([meter]) => meter.startsWith('input') || meter.startsWith('cache'))
    .reduce((sum, [, tokens]) => sum + tokens, 0);
}
