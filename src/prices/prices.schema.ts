/** The price book. */
import { TOKENS_MAX } from '@tally/client/protocol';
import { z } from 'zod';
import { afterNumber, entityName, integer, pageLimit, queryFlag, text, time } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { priceTermsFields } from './price-terms.schema.js';

const model = text(256).describe('The id that callers send');

export const PriceOrder = z
  .strictObject({
    model,
    entity: entityName.nullish().describe('Whom the price was agreed with; null is the list price'),
    effective_from: time.nullish().describe('Null is now'),
    ...priceTermsFields,
    max_input_tokens: integer(1, TOKENS_MAX).nullish().describe("Null keeps the model's"),
    max_output_tokens: integer(0, TOKENS_MAX).nullish().describe("Null keeps the model's"),
    source: text(256).default('admin'),
  })
  .meta({
    id: 'PriceOrder',
    description:
      'Each meter has a field of its own: a price per million for tokens and characters, for one of all else. A meter without a price takes that of the meter it falls back on.',
  });
export type PriceOrder = z.output<typeof PriceOrder>;

export const PriceQuery = z.strictObject({
  allow_free: queryFlag.describe('Allows a price of 0 for everything'),
});
export type PriceQuery = z.output<typeof PriceQuery>;

export const PricePage = z.strictObject({
  model: model.optional(),
  entity: entityName.optional(),
  limit: pageLimit,
  after: afterNumber,
});
export type PricePage = z.output<typeof PricePage>;

export const PriceMapQuery = z.strictObject({ dry_run: queryFlag });
export type PriceMapQuery = z.output<typeof PriceMapQuery>;

const PRICE_MAP_MODELS_MAX = 10_000;

export const PriceMap = z
  .record(z.string(), z.unknown(), { error: 'must be a LiteLLM price map' })
  .refine(
    (map) => Object.keys(map).length <= PRICE_MAP_MODELS_MAX,
    `must have at most ${PRICE_MAP_MODELS_MAX} models`,
  )
  .meta({ id: 'PriceMap', description: "LiteLLM's model_prices_and_context_window.json" });
export type PriceMap = z.output<typeof PriceMap>;

export const Price = z
  .object({
    object: z.literal('price'),
    id: z.string(),
    model: z.string(),
    entity: z.string().nullable(),
    effective_from: z.string(),
    ...priceTermsFields,
    input_usd_per_million: z.string().nullable(),
    cached_input_usd_per_million: z.string().nullable(),
    output_usd_per_million: z.string().nullable(),
    max_input_tokens: z.int(),
    max_output_tokens: z.int(),
    source: z.string(),
    created_at: z.int(),
  })
  .meta({ id: 'Price' });
export type Price = z.output<typeof Price>;

export const PriceList = listOf(Price).meta({ id: 'PriceList' });

const MappedPrice = z.object({
  input_usd_per_million: z.string().nullable(),
  cached_input_usd_per_million: z.string().nullable(),
  output_usd_per_million: z.string().nullable(),
});

export const PriceImport = z
  .object({
    object: z.literal('price_import'),
    dry_run: z.boolean(),
    changes: z.array(z.object({ model: z.string(), before: MappedPrice.nullable(), after: MappedPrice })),
    unchanged: z.int(),
    skipped: z.array(z.object({ model: z.string(), reason: z.string() })),
  })
  .meta({ id: 'PriceImport' });
export type PriceImport = z.output<typeof PriceImport>;
