/** The page's sums by meter, without a browser. */
import { describe, expect, it } from '@jest/globals';
import { METERS as PAGE_METERS } from '../../../packages/console/src/parts/meters.js';
import {
  byMeter,
  othersUsed,
  readDays,
  tokensOf,
  total,
} from '../../../packages/console/src/pages/report/sums.js';
import {
  INPUT_TOKEN_METERS,
  labelOf,
  METERS,
  OUTPUT_TOKEN_METERS,
  unitOf,
} from '../../../src/domain/meters.js';

const aDay = (quantities: Record<string, number>) => ({
  day: '2026-11-01',
  project: 'p',
  model: 'm',
  requests: 1,
  input_tokens: 10,
  cached_input_tokens: 0,
  output_tokens: 1,
  quantities,
  cost_usd: '1',
  credits_usd: '1',
});

describe("the page's meters", () => {
  it('are those of the service, with their labels, units and sides, in the same order', () => {
    const side = (meter: (typeof METERS)[number]) =>
      INPUT_TOKEN_METERS.includes(meter) ? 'input' : OUTPUT_TOKEN_METERS.includes(meter) ? 'output' : null;
    expect(Object.entries(PAGE_METERS)).toEqual(
      METERS.map((meter) => [meter, { unit: unitOf(meter), side: side(meter), label: labelOf(meter) }]),
    );
  });

  it('that are tokens are tokens on the page, and those beside the usual ones are named where they are used', () => {
    const rows = readDays([
      aDay({ input: 10, output: 1, cache_write: 5, search: 2 }),
      aDay({ input: 10, output: 1 }),
    ]);
    expect(othersUsed(rows)).toEqual(['cache_write', 'search']);
    expect(tokensOf(total(rows))).toBe(27);
  });

  it('add up over projects and models, to the last digit', () => {
    const row = (
      quantities: Record<string, number>,
      meter_costs_usd: Record<string, string>,
      unpriced_meters: string[] = [],
    ) => ({
      quantities,
      meter_costs_usd,
      unpriced_meters,
    });
    const meters = byMeter([
      row({ search: 2, input: 10 }, { search: '0', input: '0.000000000003' }, ['search']),
      row({ input: 5 }, { input: '0.000000000001' }),
    ]);
    expect(meters).toEqual([
      { meter: 'input', quantity: 15, picos: 4n, isWaiting: false },
      { meter: 'search', quantity: 2, picos: 0n, isWaiting: true },
    ]);
  });
});
