/** A price map in LiteLLM's form (model_prices_and_context_window.json) as price versions: what it says, and what it would change. */
import { z } from 'zod';
import { picosFromDollarsPerToken } from '../domain/money.js';
import type { PriceRow } from './prices.sql.js';

/** The prices of a model, as a map gives them. */
export type MappedPrice = {
  readonly model: string;
  readonly inputPicosPerToken: bigint;
  readonly cachedInputPicosPerToken: bigint | null;
  readonly outputPicosPerToken: bigint;
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
};

export type SkippedModel = { readonly model: string; readonly reason: string };

const entry = z.object({
  input_cost_per_token: z.number(),
  output_cost_per_token: z.number().default(0),
  cache_read_input_token_cost: z.number().nullish(),
  max_input_tokens: z.int().positive().nullish().catch(null),
  max_output_tokens: z.int().nonnegative().nullish().catch(null),
});

const MODEL = /^[^\p{Cc}]{1,256}$/u;

/** Reads what can be charged by the token; everything else is named with the reason. */
export function readPriceMap(map: Readonly<Record<string, unknown>>): {
  prices: MappedPrice[];
  skipped: SkippedModel[];
} {
  const prices: MappedPrice[] = [];
  const skipped: SkippedModel[] = [];
  for (const [model, value] of Object.entries(map)) {
    // The map documents itself with an entry of this name.
    if (model === 'sample_spec') continue;
    const price = readEntry(model, value);
    if (typeof price === 'string') skipped.push({ model: model.slice(0, 256), reason: price });
    else prices.push(price);
  }
  return { prices, skipped };
}

function readEntry(model: string, value: unknown): MappedPrice | string {
  if (!MODEL.test(model) || !model.isWellFormed()) return 'the name must have 1 to 256 printable characters';
  const parsed = entry.safeParse(value);
  if (!parsed.success) return 'has no input_cost_per_token as a number';
  const { data } = parsed;
  const cached = data.cache_read_input_token_cost ?? null;
  const inputPicosPerToken = picosFromDollarsPerToken(data.input_cost_per_token);
  const outputPicosPerToken = picosFromDollarsPerToken(data.output_cost_per_token);
  const cachedInputPicosPerToken = cached === null ? null : picosFromDollarsPerToken(cached);
  if (
    inputPicosPerToken === null ||
    outputPicosPerToken === null ||
    (cached !== null && cachedInputPicosPerToken === null)
  ) {
    return 'a cost per token must be from 0 to 0.01 and a whole number of picodollars';
  }
  return {
    model,
    inputPicosPerToken,
    cachedInputPicosPerToken,
    outputPicosPerToken,
    maxInputTokens: data.max_input_tokens ?? null,
    maxOutputTokens: data.max_output_tokens ?? null,
  };
}

/** True where the version in force already says what the map says. */
export function isSamePrice(mapped: MappedPrice, current: PriceRow): boolean {
  return (
    mapped.inputPicosPerToken === current.inputPicosPerToken &&
    mapped.cachedInputPicosPerToken === current.cachedInputPicosPerToken &&
    mapped.outputPicosPerToken === current.outputPicosPerToken &&
    (mapped.maxInputTokens ?? current.maxInputTokens) === current.maxInputTokens &&
    (mapped.maxOutputTokens ?? current.maxOutputTokens) === current.maxOutputTokens
  );
}
