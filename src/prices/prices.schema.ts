/** The price book. */
import { TOKENS_MAX } from '@tally/client/protocol';
import { z } from 'zod';
import { quantities } from '../http/maps.schema.js';
import {
  afterNumber,
  afterText,
  entityName,
  integer,
  listOrder,
  pageLimit,
  queryFlag,
  queryTime,
  text,
  time,
} from '../http/fields.js';
import { MAP_SOURCE } from './map-source.js';
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
    source: text(256)
      .refine(
        (source) => source !== MAP_SOURCE,
        `must not be "${MAP_SOURCE}", which imports write: what has it is replaced by the next one`,
      )
      .default('admin'),
  })
  .meta({
    id: 'PriceOrder',
    description:
      'Each meter has a field of its own: a price per million for tokens and characters, for one of all else. A meter without a price takes that of the meter it falls back on.',
    example: {
      model: 'acme-chat-1',
      input_usd_per_million: '0.71',
      cached_input_usd_per_million: '0.35',
      output_usd_per_million: '0.71',
      max_output_tokens: 8192,
      variants: [
        { when: { service_tier: 'batch' }, input_usd_per_million: '0.355', output_usd_per_million: '0.355' },
      ],
    },
  });
export type PriceOrder = z.output<typeof PriceOrder>;

export const PriceQuery = z.strictObject({
  allow_free: queryFlag.describe('Allows a price of 0 for everything, or for some requests'),
  dry_run: queryFlag.describe('Checks and answers the same, and publishes nothing'),
});
export type PriceQuery = z.output<typeof PriceQuery>;

export const PricePath = z.object({ id: text(256).meta({ example: '7' }) });

export const PricePage = z.strictObject({
  model: model.optional(),
  entity: entityName.optional().describe('Its own prices and the list prices'),
  source: text(256).optional().describe('Where they are from, such as "price map"'),
  at: queryTime
    .optional()
    .describe('The versions that are in force at that time, one of each model and entity'),
  order: listOrder('asc', 'By model, and of one model newest first; `desc` is the other way round'),
  limit: pageLimit,
  after: afterNumber,
});
export type PricePage = z.output<typeof PricePage>;

export const PriceMapQuery = z.strictObject({
  dry_run: queryFlag.describe('Only says what it would change'),
  allow_lossy: queryFlag.describe('Takes entries without what Tally cannot charge of them'),
  allow_free: queryFlag.describe('Takes entries whose prices are 0 for everything, or for some requests'),
  overwrite: queryFlag.describe('Replaces prices that somebody set by hand'),
});
export type PriceMapQuery = z.output<typeof PriceMapQuery>;

export const UnpricedPage = z.strictObject({
  model: model.optional(),
  entity: entityName.optional(),
  order: listOrder('asc', 'By model and entity: `asc` is from A on'),
  limit: pageLimit,
  after: afterText,
});
export type UnpricedPage = z.output<typeof UnpricedPage>;

export const Price = z
  .object({
    object: z.literal('price'),
    id: z.string(),
    model: z.string(),
    entity: z.string().nullable(),
    effective_from: z.iso.datetime(),
    first_for_meters_from: z.iso
      .datetime()
      .nullable()
      .describe('Usage since then whose meters no version before it priced is charged by this one'),
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

export const PublishedPrice = Price.extend({
  charged_events: z
    .int()
    .describe('Events that waited for this price and are charged by it, at least in part'),
  waiting_events: z
    .int()
    .describe(
      'Events of the model (and entity) that still wait: of closed periods, before effective_from, or of meters without a price',
    ),
}).meta({ id: 'PublishedPrice' });
export type PublishedPrice = z.output<typeof PublishedPrice>;

export const PriceList = listOf(Price).meta({ id: 'PriceList' });

export const UnpricedUsage = z
  .object({
    object: z.literal('unpriced_usage'),
    id: z.string(),
    model: z.string(),
    entity: z.string(),
    events: z.int(),
    first_occurred_at: z.iso.datetime(),
    last_occurred_at: z.iso.datetime(),
    quantities: quantities.describe('By meter, of those that wait'),
  })
  .meta({ id: 'UnpricedUsage' });
export type UnpricedUsage = z.output<typeof UnpricedUsage>;

export const UnpricedUsageList = listOf(UnpricedUsage).meta({ id: 'UnpricedUsageList' });

const MappedPrice = z
  .object({
    ...priceTermsFields,
    input_usd_per_million: z.string().nullable(),
    cached_input_usd_per_million: z.string().nullable(),
    output_usd_per_million: z.string().nullable(),
    max_input_tokens: z.int().nullable().describe('Null where the map does not say'),
    max_output_tokens: z.int().nullable(),
    source: z.string(),
  })
  .meta({ id: 'MappedPrice' });
export type MappedPrice = z.output<typeof MappedPrice>;

const value = z.union([z.string(), z.int()]).meta({ id: 'PriceFieldValue' }).nullable();
const fieldNames = z.array(z.string());

const ImportedEntry = z
  .object({
    model: z.string(),
    before: MappedPrice.nullable(),
    after: MappedPrice,
    fields: z
      .array(z.object({ field: z.string(), before: value, after: value }).meta({ id: 'ImportedField' }))
      .describe('Every field that differs'),
  })
  .meta({ id: 'ImportedEntry' });
export type ImportedEntry = z.output<typeof ImportedEntry>;

const FieldsOfEntry = z.object({ model: z.string(), fields: fieldNames }).meta({ id: 'FieldsOfEntry' });

export const PriceImport = z
  .object({
    object: z.literal('price_import'),
    dry_run: z.boolean(),
    changes: z.array(ImportedEntry),
    unchanged: z.int().describe('How many entries say what is in force'),
    skipped: z
      .array(
        z.object({ model: z.string(), reason: z.string(), fields: fieldNames }).meta({ id: 'SkippedEntry' }),
      )
      .describe('Entries that were not taken, and the fields that Tally cannot charge'),
    kept: z.array(ImportedEntry).describe('Prices that somebody set by hand; overwrite=true replaces them'),
    rounded: z
      .array(FieldsOfEntry)
      .describe('Of entries that are not skipped: fields that were rounded to a whole picodollar'),
    ignored: z
      .array(FieldsOfEntry)
      .describe('Of entries that are not skipped: fields that Tally cannot charge, by allow_lossy'),
  })
  .meta({
    id: 'PriceImport',
    description: 'Each entry of the map is in exactly one of changes, unchanged, skipped and kept',
  });
