/** Quantities summed over many rows of usage: the same five columns everywhere, and the meters that they mean. */
import { sumsFromColumns } from '../domain/meter-charges.js';
import type { QuantitySums } from '../domain/meters.js';
import { Prisma } from '../platform/prisma/client.js';

/** A select list over rows of usage. Meters without a column of their own cost nothing where no row has any. */
export const QUANTITY_SUMS = `
  sum(requests)::text as requests, sum(input_tokens)::text as input, sum(cached_input_tokens)::text as cached_input,
  sum(output_tokens)::text as output, sum(reasoning_tokens)::text as reasoning, sum_quantities(other_quantities) as other`;

/** The same as part of a query. */
export const quantitySums = Prisma.raw(QUANTITY_SUMS);

export type QuantitySumsRow = Record<
  'requests' | 'input' | 'cached_input' | 'output' | 'reasoning',
  string
> & {
  other: Readonly<Record<string, string>> | null;
};

export function quantitySumsOf(row: QuantitySumsRow): QuantitySums {
  return sumsFromColumns({
    inputTokens: BigInt(row.input),
    cachedInputTokens: BigInt(row.cached_input),
    outputTokens: BigInt(row.output),
    reasoningTokens: BigInt(row.reasoning),
    otherQuantities: row.other,
  });
}
