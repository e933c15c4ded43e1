/** The prices of one version: of each meter, and of its variants. */
import { TOKENS_MAX } from '@tally/client/protocol';
import { z } from 'zod';
import { isPricedByMillion, METERS, type Meter } from '../domain/meters.js';
import { canonicalTier, DEFAULT_TIER } from '../domain/service-tier.js';
import { UTC_WINDOW } from '../domain/utc-windows.js';
import { integer, text, usdEach, usdPerMillion } from '../http/fields.js';

/** `input_usd_per_million` for tokens and characters, `search_usd` for what is counted one by one. */
type PriceField = `${Meter}_usd_per_million` | `${Meter}_usd`;

export function priceFieldOf(meter: Meter): PriceField {
  return isPricedByMillion(meter) ? `${meter}_usd_per_million` : `${meter}_usd`;
}

type PriceFieldSchema = z.ZodOptional<z.ZodNullable<typeof usdEach>>;

const meterPrices = Object.fromEntries(
  METERS.map((meter) => [
    priceFieldOf(meter),
    (isPricedByMillion(meter) ? usdPerMillion : usdEach).nullish(),
  ]),
) as Record<PriceField, PriceFieldSchema>;

const VARIANTS_MAX = 200;
const WINDOWS_MAX = 48;
const ATTRIBUTES_MAX = 16;
const MULTIPLIER = 'must be a decimal string from "0.000001" to "1000", at most 6 decimals';

const window = z.string().regex(UTC_WINDOW, 'must be hours in UTC such as "16:30-00:30"');

const serviceTier = text(64)
  .refine(
    (value) => canonicalTier(value) !== DEFAULT_TIER,
    'must be another tier than the default, whose price is the base',
  )
  .refine((value) => canonicalTier(value) === value, {
    error: 'must be in lower case, and "batch" for batches',
  });

const conditions = z
  .strictObject({
    prompt_tokens_above: integer(0, TOKENS_MAX).optional(),
    service_tier: serviceTier.optional(),
    region: text(64).optional(),
    utc: z
      .union([window, z.array(window).min(1).max(WINDOWS_MAX)])
      .meta({ id: 'UtcWindows', description: 'Hours in UTC', example: '16:30-00:30' })
      .optional(),
    weekdays: z.array(integer(1, 7)).min(1).max(7).optional(),
    attributes: z
      .record(text(64), text(64))
      .refine((value) => Object.keys(value).length >= 1 && Object.keys(value).length <= ATTRIBUTES_MAX, {
        error: `must have 1 to ${ATTRIBUTES_MAX} attributes`,
      })
      .meta({ id: 'PriceAttributes' })
      .optional(),
  })
  .refine((when) => Object.keys(when).length > 0, 'must name a condition')
  .meta({ id: 'PriceConditions' });

const variant = z
  .strictObject({
    when: conditions,
    ...meterPrices,
    multiplier: z
      .string()
      .regex(/^[0-9]{1,4}(\.[0-9]{1,6})?$/, MULTIPLIER)
      .refine((value) => Number(value) > 0 && Number(value) <= 1_000, MULTIPLIER)
      .optional(),
  })
  .refine(
    ({ when: _when, ...others }) =>
      Object.values(others).some((value) => value !== undefined && value !== null),
    'must have a price or a multiplier',
  )
  .meta({ id: 'PriceVariant' });

/** Spread into every object that holds a price. */
export const priceTermsFields = {
  ...meterPrices,
  variants: z.array(variant).max(VARIANTS_MAX, `must have at most ${VARIANTS_MAX} variants`).optional(),
};

export const PriceTermsBody = z.strictObject(priceTermsFields);
export type PriceTermsBody = z.output<typeof PriceTermsBody>;
export type VariantBody = z.output<typeof variant>;
export type ConditionsBody = z.output<typeof conditions>;
