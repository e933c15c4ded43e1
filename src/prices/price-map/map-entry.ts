/** Reads one entry of LiteLLM's price map: all that it charges, or the reason why it cannot be charged as it says. */
import { expectationOf } from '../../http/expectations.js';
import { freeCombination } from '../free-combinations.js';
import { PriceTermsBody } from '../price-terms.schema.js';
import { readPriceTerms } from '../price-terms.js';
import { NAME_LENGTH_MAX, readFieldName, speaksOfMoney } from './field-name.js';
import { isTokenCount } from './map-number.js';
import {
  claim,
  isEntry,
  isZeroThroughout,
  newReading,
  uplift,
  type Entry,
  type Reading,
} from './map-reading.js';
import { termsOf } from './map-terms.js';
import { readOffPeakPricing } from './off-peak-pricing.js';
import { missingPrice } from './required-prices.js';
import { readSearchContext } from './search-context.js';
import { readTieredPricing } from './tiered-pricing.js';

/** The prices of a model, as a map gives them. */
export type MappedPrice = {
  readonly model: string;
  /** As an admin would post them. */
  readonly terms: PriceTermsBody;
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
};

export type EntryReading =
  | {
      readonly kind: 'price';
      readonly price: MappedPrice;
      /** Fields whose value was rounded to a whole picodollar, half even. */
      readonly rounded: readonly string[];
      /** Fields that Tally cannot charge and that were left out. */
      readonly ignored: readonly string[];
    }
  | {
      readonly kind: 'skipped';
      readonly reason: string;
      /** Fields that Tally cannot charge, where that is the reason. */
      readonly fields: readonly string[];
    };

export type ReadingOptions = {
  /** Takes an entry without what Tally cannot charge of it. */
  readonly allowLossy: boolean;
  /** Takes an entry whose prices are all 0. */
  readonly allowFree: boolean;
};

const MODEL = /^[^\p{Cc}]{1,256}$/u;
const NO_NAME = 'the name must have 1 to 256 printable characters';

export function isModelName(text: string): boolean {
  return MODEL.test(text) && text.isWellFormed();
}

/** LiteLLM's largest entry has about 80. */
const FIELDS_MAX = 1_000;

/** The map documents itself with an entry of this name. */
const DOCUMENTATION = 'sample_spec';

export function readMapEntry(model: string, value: unknown, options: ReadingOptions): EntryReading {
  if (!isModelName(model)) return skipped(NO_NAME);
  if (model === DOCUMENTATION) return skipped('documents the map and is no model');
  if (!isEntry(value)) return skipped('is no object of prices');
  if (Object.keys(value).length > FIELDS_MAX) return skipped(`has more than ${FIELDS_MAX} fields`);
  const alias = aliasOf(value);
  if (alias !== null)
    return skipped(`has no prices of its own: it is another name of ${alias.slice(0, 256)}`);
  const reading = readFields(value);
  return decide(reading, {
    model,
    mode: value['mode'],
    maxInputTokens: maximumOf(value['max_input_tokens'], 1),
    maxOutputTokens: maximumOf(value['max_output_tokens'], 0) ?? maximumOf(value['max_tokens'], 0),
    ...options,
  });
}

/** The model whose prices the entry takes: it is another name of it. */
export function aliasOf(value: unknown): string | null {
  const alias = isEntry(value) ? value['alias_of'] : null;
  return typeof alias === 'string' ? alias : null;
}

type Decision = ReadingOptions & Omit<MappedPrice, 'terms'> & { readonly mode: unknown };

/** What becomes of what was read, in any form of price map. */
export function decide(reading: Reading, of: Decision): EntryReading {
  const { model, maxInputTokens, maxOutputTokens } = of;
  if (!isModelName(model)) return skipped(NO_NAME);
  if (reading.faults.length > 0) return skipped(reading.faults.slice(0, 5).join('; ').slice(0, 1_000));
  const terms = termsOf(reading);
  const fields = [...new Set(reading.uncharged)].map((field) => field.slice(0, NAME_LENGTH_MAX));
  if (fields.length > 0 && !of.allowLossy) return skipped('has prices that Tally cannot charge', fields);
  const missing = missingPrice(reading.claims, of.mode);
  if (missing !== null) return skipped(missing, fields);
  if (!of.allowFree && reading.claims.every(({ picos }) => picos === 0n)) {
    return skipped('has a price of 0 for everything', fields);
  }
  const checked = PriceTermsBody.safeParse(terms, { error: expectationOf });
  if (!checked.success)
    return skipped(`has prices that cannot be posted: ${checked.error.issues[0]!.message}`);
  if (!of.allowFree && freeCombination(readPriceTerms(checked.data)) !== null)
    return skipped('has prices of 0 for some requests, though not for all', fields);
  const price = { model, terms: checked.data, maxInputTokens, maxOutputTokens };
  return { kind: 'price', price, rounded: [...new Set(reading.rounded)], ignored: fields };
}

export function skipped(reason: string, fields: readonly string[] = []): EntryReading {
  return { kind: 'skipped', reason, fields };
}

/** A maximum that is no number of tokens is none. */
export function maximumOf(value: unknown, atLeast: number): number | null {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  return isTokenCount(number, atLeast) ? number : null;
}

/** Read last, in this order: they build on the other prices. */
const NESTED: Readonly<Record<string, (reading: Reading, value: unknown) => void>> = {
  search_context_cost_per_query: readSearchContext,
  tiered_pricing: readTieredPricing,
  off_peak_pricing: readOffPeakPricing,
};

function readFields(entry: Entry): Reading {
  const reading = newReading();
  // A map's order of fields has no meaning, and the first of two that contradict each other holds.
  const fields = Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [field, value] of fields) {
    if (value !== null && value !== undefined && !Object.hasOwn(NESTED, field))
      readField(reading, field, value);
  }
  for (const [field, read] of Object.entries(NESTED)) read(reading, entry[field]);
  settleEqualPrices(reading, entry);
  return reading;
}

const REGIONAL = /^(?:regional_processing|regional_endpoint|([a-z]+))_uplift_multiplier(?:_([a-z]{2}))?$/;

/** Where the map says only that the price is that of an endpoint with a region, and not of which. */
const SOME_REGION = 'regional';

function readField(reading: Reading, field: string, value: unknown): void {
  if (field === 'provider_specific_entry') return readProviderFactors(reading, value);
  const regional = REGIONAL.exec(field);
  if (regional !== null) {
    const [, programme, place] = regional;
    return uplift(reading, { field, when: { region: place ?? programme ?? SOME_REGION }, value });
  }
  if (!speaksOfMoney(field)) return;
  const name = readFieldName(field);
  if (name !== null) return claim(reading, { field, name, value });
  const isRemark = typeof value === 'string' && Number.isNaN(Number(value));
  if (!isRemark && !isZeroThroughout(value)) reading.uncharged.push(field);
}

/** Anthropic's factors: by the place that served (`us`), and for answers at a higher speed (`fast`). The others are flags. */
function readProviderFactors(reading: Reading, value: unknown): void {
  if (!isEntry(value)) return;
  for (const [name, factor] of Object.entries(value)) {
    const field = `provider_specific_entry.${name}`;
    if (/^[a-z]{2}$/.test(name)) uplift(reading, { field, when: { region: name }, value: factor });
    if (name === 'fast') uplift(reading, { field, when: { attributes: { speed: name } }, value: factor });
  }
}

/** Tally counts these in other meters. Where the price is the same, nothing is lost. */
const SAME_AS: Readonly<Record<string, readonly string[]>> = {
  citation_cost_per_token: ['input_cost_per_token'],
  cache_creation_input_audio_token_cost: ['cache_creation_input_token_cost'],
  cost_per_second: ['input_cost_per_second', 'output_cost_per_second'],
};

function settleEqualPrices(reading: Reading, entry: Entry): void {
  const unsettled = reading.uncharged.filter(
    (field) =>
      !(Object.hasOwn(SAME_AS, field) ? SAME_AS[field]! : []).some((other) => entry[other] === entry[field]),
  );
  reading.uncharged.splice(0, reading.uncharged.length, ...unsettled);
}
