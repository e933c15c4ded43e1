/** What differs between two prices of a model, field by field. Pure. */
import { METERS } from '../domain/meters.js';
import { priceFieldOf, type PriceTermsBody, type VariantBody } from './price-terms.schema.js';
import { conditionsText, formatUnitPrice, readUnitPrice } from './price-terms.js';

export type PriceContent = {
  readonly terms: PriceTermsBody;
  /** Null where it is not stated, which differs from nothing. */
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
};

export type FieldDifference = {
  /** `input_usd_per_million`, `variants[{"service_tier":"batch"}].input_usd_per_million`, `max_output_tokens`, …. */
  readonly field: string;
  /** Null where there is none. */
  readonly before: string | number | null;
  readonly after: string | number | null;
};

/** Amounts are compared by what they charge: "5.40" is "5.4". */
export function differencesOf(before: PriceContent | null, after: PriceContent): FieldDifference[] {
  const [old, now] = [
    before === null ? new Map<string, string>() : fieldsOf(before.terms),
    fieldsOf(after.terms),
  ];
  const fields = [...new Set([...now.keys(), ...old.keys()])];
  return [
    ...fields.flatMap((field) => differenceOf(field, old.get(field) ?? null, now.get(field) ?? null)),
    ...differenceOf(
      'max_input_tokens',
      before?.maxInputTokens ?? null,
      after.maxInputTokens ?? before?.maxInputTokens ?? null,
    ),
    ...differenceOf(
      'max_output_tokens',
      before?.maxOutputTokens ?? null,
      after.maxOutputTokens ?? before?.maxOutputTokens ?? null,
    ),
  ];
}

function differenceOf(
  field: string,
  before: string | number | null,
  after: string | number | null,
): FieldDifference[] {
  return before === after ? [] : [{ field, before, after }];
}

/** Every field that is given, in one form for equal values. */
function fieldsOf({ variants = [], ...base }: PriceTermsBody): Map<string, string> {
  const fields = new Map<string, string>();
  addPrices(fields, '', base);
  const names = new Set<string>();
  for (const variant of variants) {
    const name = nameOf(variant, names);
    names.add(name);
    addPrices(fields, `${name}.`, variant);
    if (variant.multiplier !== undefined) fields.set(`${name}.multiplier`, shortest(variant.multiplier));
  }
  // Where two variants hold that are equally specific, the later one counts.
  if (names.size > 1) fields.set('variants', [...names].join(', '));
  return fields;
}

function addPrices(fields: Map<string, string>, prefix: string, prices: PriceTermsBody | VariantBody): void {
  for (const meter of METERS) {
    const field = priceFieldOf(meter);
    const usd = prices[field];
    if (usd !== undefined && usd !== null)
      fields.set(prefix + field, formatUnitPrice(meter, readUnitPrice(meter, usd)));
  }
}

/** "1.10" → "1.1". */
function shortest(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}

function nameOf({ when }: VariantBody, taken: ReadonlySet<string>): string {
  const name = `variants[${conditionsText(when)}]`;
  let unique = name;
  for (let place = 2; taken.has(unique); place += 1) unique = `${name}#${place}`;
  return unique;
}
