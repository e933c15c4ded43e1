/**
 * Price versions and what they charge. A version has a price for each meter, and variants that replace or multiply prices under
 * conditions. What they resolve to for one request is its rate: one unit price a meter, in whole picodollars.
 */
import type { EntityName } from './ids.js';
import { dividedHalfEven } from './money.js';
import { fallbacksOf, METERS, promptTokensOf, type Meter, type Quantities } from './meters.js';
import { DEFAULT_TIER } from './service-tier.js';
import { isInWindows, weekdayOf, type UtcWindow } from './utc-windows.js';

/** Picodollars for one token, character, second, or whatever the meter counts. A meter that is left out has no price. */
export type UnitPrices = { readonly [M in Meter]?: bigint };

/** When a variant holds: under all conditions that it names. */
export type Conditions = {
  /** All input meters of the request together lie strictly above. The whole request takes the price. */
  readonly promptTokensAbove?: number;
  readonly serviceTier?: string;
  /** Regions and attributes are compared in lower case. */
  readonly region?: string;
  readonly utc?: readonly UtcWindow[];
  /** 1 is Monday, 7 is Sunday. */
  readonly weekdays?: readonly number[];
  readonly attributes?: Readonly<Record<string, string>>;
};

/** A decimal, as an integer and its scale: 1.1 is 11 / 10. */
export type Multiplier = { readonly numerator: bigint; readonly denominator: bigint };

export type Variant = {
  readonly when: Conditions;
  readonly prices: UnitPrices;
  /** Multiplies every price of the request, whichever variant names it. */
  readonly multiplier: Multiplier | null;
};

export type PriceTerms = { readonly prices: UnitPrices; readonly variants: readonly Variant[] };

export type Price = PriceTerms & {
  readonly id: bigint;
  readonly model: string;
  /** The entity that this price was agreed with, or null for the list price. */
  readonly entity: EntityName | null;
  readonly effectiveFrom: Date;
  /** From when it also charges meters that no version priced before; null where it reaches back to nothing. */
  readonly firstForMetersFrom: Date | null;
  readonly maxInputTokens: number;
  readonly maxOutputTokens: number;
};

/** Who uses a model, and when. */
export type PriceUse = { readonly model: string; readonly entity: EntityName; readonly at: Date };

/** What decides between the variants of a price. */
export type Circumstances = {
  readonly promptTokens: number;
  readonly serviceTier: string;
  readonly region: string | null;
  readonly attributes: Readonly<Record<string, string>> | null;
  readonly at: Date;
};

/** The rate id of usage that is kept but not charged yet. */
export const UNPRICED = 0n;

/** Which variants hold, as indexes. */
function variantsHolding(variants: readonly Variant[], circumstances: Circumstances): number[] {
  const holding: number[] = [];
  for (const [index, { when }] of variants.entries()) if (holds(when, circumstances)) holding.push(index);
  return holding;
}

function holds(
  when: Conditions,
  { promptTokens, serviceTier, region, attributes, at }: Circumstances,
): boolean {
  return (
    (when.promptTokensAbove === undefined || promptTokens > when.promptTokensAbove) &&
    (when.serviceTier === undefined || when.serviceTier === serviceTier) &&
    (when.region === undefined || when.region === region?.toLowerCase()) &&
    isTimeMet(when, at) &&
    Object.entries(when.attributes ?? {}).every(
      ([name, value]) => attributes?.[name]?.toLowerCase() === value,
    )
  );
}

export function isTimeMet({ utc, weekdays }: Conditions, at: Date): boolean {
  return (
    (utc === undefined || isInWindows(at, utc)) &&
    (weekdays === undefined || weekdays.includes(weekdayOf(at)))
  );
}

/**
 * The unit prices of a request under which exactly these variants hold. For each meter the price is that of the variant with the
 * most conditions that names the meter (then the highest prompt size, then the last), else the version's own, else that of the
 * meter on which it falls back. All multipliers come last.
 */
export function unitPricesUnder({ prices, variants }: PriceTerms, holding: readonly number[]): UnitPrices {
  const ranked = holding.map((index) => variants[index]!).sort((a, b) => compareRank(a.when, b.when));
  // A later one goes before an earlier one: the sort is stable.
  const named: { [M in Meter]?: bigint } = Object.assign(
    {},
    prices,
    ...ranked.map((variant) => variant.prices),
  );
  const multipliers = ranked.flatMap(({ multiplier }) => (multiplier === null ? [] : [multiplier]));
  const resolved: { [M in Meter]?: bigint } = {};
  for (const meter of METERS) {
    const source = [meter, ...fallbacksOf(meter)].find((candidate) => named[candidate] !== undefined);
    if (source !== undefined) resolved[meter] = multiplied(named[source]!, multipliers);
  }
  return resolved;
}

/** Ascending: the last one wins. */
function compareRank(a: Conditions, b: Conditions): number {
  return conditionCount(a) - conditionCount(b) || (a.promptTokensAbove ?? -1) - (b.promptTokensAbove ?? -1);
}

/** Every attribute is a condition of its own. */
function conditionCount({ attributes, ...others }: Conditions): number {
  return (
    Object.values(others).filter((condition) => condition !== undefined).length +
    Object.keys(attributes ?? {}).length
  );
}

/** Rounded once, half even, to a whole picodollar. */
function multiplied(picos: bigint, multipliers: readonly Multiplier[]): bigint {
  if (multipliers.length === 0) return picos;
  let dividend = picos;
  let divisor = 1n;
  for (const { numerator, denominator } of multipliers) {
    dividend *= numerator;
    divisor *= denominator;
  }
  return dividedHalfEven(dividend, divisor);
}

/** What a request is charged at, and what decided it. */
export type Resolved = {
  readonly unitPrices: UnitPrices;
  /** Which variants hold: resolutions of one version with equal lists are equal. */
  readonly holding: readonly number[];
};

export function resolve(price: PriceTerms, circumstances: Circumstances): Resolved {
  const holding = price.variants.length === 0 ? [] : variantsHolding(price.variants, circumstances);
  return { holding, unitPrices: knownUnitPrices(price, holding) };
}

/** What was resolved before, by version: a version is never changed. Equal resolutions are one object. */
const known = new WeakMap<PriceTerms, Map<string, UnitPrices>>();
const KNOWN_MAX = 1_000;

function knownUnitPrices(price: PriceTerms, holding: readonly number[]): UnitPrices {
  let ofPrice = known.get(price);
  if (ofPrice === undefined) known.set(price, (ofPrice = new Map()));
  const key = holding.join();
  let unitPrices = ofPrice.get(key);
  if (unitPrices === undefined) {
    if (ofPrice.size === KNOWN_MAX) ofPrice.clear();
    unitPrices = unitPricesUnder(price, holding);
    ofPrice.set(key, unitPrices);
  }
  return unitPrices;
}

export function circumstancesOf(event: {
  readonly quantities: Quantities;
  readonly serviceTier: string;
  readonly region: string | null;
  readonly attributes: Readonly<Record<string, string>> | null;
  readonly occurredAt: Date;
}): Circumstances {
  const { quantities, serviceTier, region, attributes, occurredAt: at } = event;
  return { promptTokens: promptTokensOf(quantities), serviceTier, region, attributes, at };
}

/** Whether the version says what this tier costs. Of one that it does not know it charges the base. */
export function knowsTier({ variants }: PriceTerms, serviceTier: string): boolean {
  return serviceTier === DEFAULT_TIER || variants.some(({ when }) => when.serviceTier === serviceTier);
}

/**
 * Exact: the price of one request, where there is one, and the sum over meters of quantity × unit price. A meter without a price costs
 * nothing yet.
 */
export function costOf(quantities: Quantities, unitPrices: UnitPrices): bigint {
  let cost = unitPrices.request ?? 0n;
  for (const meter of Object.keys(quantities) as Meter[]) {
    const unitPrice = unitPrices[meter];
    if (unitPrice !== undefined) cost += BigInt(quantities[meter]!) * unitPrice;
  }
  return cost;
}

/** Every meter that the version can charge under some circumstances, those that fall back on others included. */
export function chargeableMeters({ prices, variants }: PriceTerms): Meter[] {
  const named = [prices, ...variants.map((variant) => variant.prices)];
  return METERS.filter((meter) =>
    [meter, ...fallbacksOf(meter)].some((source) => named.some((each) => each[source] !== undefined)),
  );
}

/** Meters that wait for a price. */
export function unpricedMeters(quantities: Quantities, unitPrices: UnitPrices): Meter[] {
  return METERS.filter((meter) => (quantities[meter] ?? 0) > 0 && unitPrices[meter] === undefined);
}

/** The version in force at a time: the entity's own if it has one by then, otherwise the list price. */
export function priceInForce<P extends Price>(prices: readonly P[], use: PriceUse): P | null {
  let best: P | null = null;
  for (const price of prices) {
    if (price.model !== use.model || price.effectiveFrom > use.at) continue;
    if (price.entity !== null && price.entity !== use.entity) continue;
    if (best === null || isPreferred(price, best)) best = price;
  }
  return best;
}

function isPreferred(candidate: Price, current: Price): boolean {
  if ((candidate.entity === null) !== (current.entity === null)) return candidate.entity !== null;
  return candidate.effectiveFrom > current.effectiveFrom;
}
