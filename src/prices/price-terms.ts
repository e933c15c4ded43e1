/** Reads prices as they were given (US dollars as text) into what charges (picodollars), and prints what was resolved. */
import { formatUsd, picosFromUsd } from '@tally/client/protocol';
import { isPricedByMillion, METERS, type Meter } from '../domain/meters.js';
import type { Conditions, Multiplier, PriceTerms, UnitPrices, Variant } from '../domain/price.js';
import { assert } from '../domain/errors.js';
import { parseUtcWindow, type UtcWindow } from '../domain/utc-windows.js';
import {
  priceFieldOf,
  type ConditionsBody,
  type PriceTermsBody,
  type VariantBody,
} from './price-terms.schema.js';

const MILLION = 1_000_000n;

/** `body` has passed its schema. */
export function readPriceTerms(body: PriceTermsBody): PriceTerms {
  return { prices: readUnitPrices(body), variants: (body.variants ?? []).map(readVariant) };
}

function readVariant(body: VariantBody): Variant {
  return {
    when: readConditions(body.when),
    prices: readUnitPrices(body),
    multiplier: body.multiplier === undefined ? null : readMultiplier(body.multiplier),
  };
}

function readUnitPrices(body: Omit<PriceTermsBody, 'variants'>): UnitPrices {
  const prices: { [M in Meter]?: bigint } = {};
  for (const meter of METERS) {
    const usd = body[priceFieldOf(meter)];
    if (usd !== undefined && usd !== null) prices[meter] = readUnitPrice(meter, usd);
  }
  return prices;
}

/** From the field of the meter's price: per million for tokens and characters. */
export function readUnitPrice(meter: Meter, usd: string): bigint {
  const picos = picosFromUsd(usd);
  return isPricedByMillion(meter) ? picos / MILLION : picos;
}

/** The opposite of `readUnitPrice`. */
export function formatUnitPrice(meter: Meter, picos: bigint): string {
  return formatUsd(isPricedByMillion(meter) ? picos * MILLION : picos);
}

function readConditions({
  prompt_tokens_above,
  service_tier,
  region,
  utc,
  weekdays,
  attributes,
}: ConditionsBody): Conditions {
  return {
    ...(prompt_tokens_above !== undefined && { promptTokensAbove: prompt_tokens_above }),
    ...(service_tier !== undefined && { serviceTier: service_tier }),
    ...(region !== undefined && { region: region.toLowerCase() }),
    ...(utc !== undefined && { utc: [utc].flat().map(readWindow) }),
    ...(weekdays !== undefined && { weekdays }),
    ...(attributes !== undefined && { attributes: inLowerCase(attributes) }),
  };
}

function inLowerCase(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text.toLowerCase()]));
}

/** One text for equal conditions, in whatever order they are given. */
export function conditionsText({ utc, weekdays, attributes, ...others }: ConditionsBody): string {
  return JSON.stringify({
    ...inOrder(others),
    ...(utc !== undefined && { utc: [utc].flat() }),
    ...(weekdays !== undefined && { weekdays: weekdays.toSorted((a, b) => a - b) }),
    ...(attributes !== undefined && { attributes: inOrder(attributes) }),
  });
}

function inOrder<T>(fields: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readWindow(text: string): UtcWindow {
  const window = parseUtcWindow(text);
  assert(window !== null, 'the schema has checked the window');
  return window;
}

function readMultiplier(text: string): Multiplier {
  const [whole = '', fraction = ''] = text.split('.');
  return { numerator: BigInt(whole + fraction), denominator: 10n ** BigInt(fraction.length) };
}
