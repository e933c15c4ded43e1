/**
 * Whether some request is free under a price that is not: by its base, or by variants that hold together. No list of variants says so by
 * itself: what holds together depends on the request, the variant with the most conditions wins each meter, and multipliers round. Pure.
 */
import { INPUT_TOKEN_METERS, METERS, OUTPUT_TOKEN_METERS, type Meter } from '../domain/meters.js';
import { dividedHalfEven } from '../domain/money.js';
import {
  isTimeMet,
  resolve,
  unitPricesUnder,
  type Circumstances,
  type Multiplier,
  type PriceTerms,
  type UnitPrices,
  type Variant,
} from '../domain/price.js';
import { DEFAULT_TIER } from '../domain/service-tier.js';
import { turnsBetween } from '../domain/utc-windows.js';

/** Meters that are charged only beside others: no request uses these alone. Output tokens always come with a prompt. */
const ACCOMPANYING: ReadonlySet<Meter> = new Set<Meter>([
  'cached_input',
  'cached_input_audio',
  'cached_input_image',
  'cache_write',
  'cache_write_30m',
  'cache_write_1h',
  'cache_write_12h',
  'reasoning',
  'search',
  'request',
]);
const ANSWERS = OUTPUT_TOKEN_METERS.filter((meter) => !ACCOMPANYING.has(meter));
const PROMPTS = INPUT_TOKEN_METERS.filter((meter) => !ACCOMPANYING.has(meter));
const ALONE = METERS.filter((meter) => !ACCOMPANYING.has(meter) && !ANSWERS.includes(meter));

/** Sets of circumstances, and times of a week, that are looked at. What needs more is refused, since nobody has looked at it. */
const CIRCUMSTANCES_MAX = 20_000;
const TURNS_MAX = 2_000;

/** From a Monday on: every weekday and every window. */
const WEEK = { from: new Date('2026-11-02T00:00:00Z'), to: new Date('2026-11-08T23:59:59Z') };

/** The indexes of variants under which some request may cost nothing, and none where it is the base; null where each costs something. */
export function freeCombination(terms: PriceTerms): readonly number[] | null {
  const base = unitPricesUnder(terms, []);
  if (isFreeAlone(base)) return [];
  const lowering = loweringVariants(terms);
  if (lowering.length === 0) return null;
  const places = placesOf(lowering);
  const instants = instantsOf(terms);
  const isTooMuch =
    places === null || instants === null || places.length * instants.length > CIRCUMSTANCES_MAX;
  if (isTooMuch) return lowering.map((variant) => terms.variants.indexOf(variant));
  for (const place of places) {
    for (const at of instants) {
      const { holding, unitPrices } = resolve(terms, { ...place, at });
      if (isFreeBeside(base, unitPrices)) return holding;
    }
  }
  return null;
}

/** Only what accompanies other usage costs anything: a plain request costs nothing. */
function isFreeAlone(base: UnitPrices): boolean {
  const alone = [...ALONE, ...ANSWERS].flatMap((meter) => base[meter] ?? []);
  return (base.request ?? 0n) === 0n && alone.length > 0 && alone.every((picos) => picos === 0n);
}

/** A price for each request leaves none free. What the base itself states as 0 is meant to be. */
function isFreeBeside(base: UnitPrices, unitPrices: UnitPrices): boolean {
  if ((unitPrices.request ?? 0n) > 0n) return false;
  const becomesFree = (meter: Meter) => unitPrices[meter] === 0n && base[meter] !== 0n;
  if (ALONE.some(becomesFree)) return true;
  if (PROMPTS.some((meter) => (unitPrices[meter] ?? 0n) === 0n) && ANSWERS.some(becomesFree)) return true;
  const charged = METERS.filter((meter) => (base[meter] ?? 0n) > 0n);
  return charged.length > 0 && charged.every((meter) => unitPrices[meter] === 0n);
}

/**
 * The variants that can make a request free: a price of theirs is 0 or rounds to 0, or they multiply by less than 1 where some price can
 * round to 0. The others can only make a free request cost something. So it is enough to look at requests that meet these variants, and of
 * the others only those that they cannot avoid.
 */
function loweringVariants({ prices, variants }: PriceTerms): Variant[] {
  const least = leastMultiplier(variants);
  const isNothing = (each: UnitPrices) =>
    Object.values(each).some((picos) => dividedHalfEven(picos * least.numerator, least.denominator) === 0n);
  const isPriced = (each: UnitPrices) => Object.values(each).some((picos) => picos > 0n);
  const canRound = [prices, ...variants.map((variant) => variant.prices)].some(
    (each) => isPriced(each) && isNothing(positiveOf(each)),
  );
  return variants.filter(
    (variant) =>
      isNothing(variant.prices) ||
      (canRound && variant.multiplier !== null && isBelowOne(variant.multiplier)),
  );
}

function positiveOf(prices: UnitPrices): UnitPrices {
  return Object.fromEntries(Object.entries(prices).filter(([, picos]) => picos > 0n));
}

function isBelowOne({ numerator, denominator }: Multiplier): boolean {
  return numerator < denominator;
}

/** A lower bound for the product of multipliers that can hold together: a request has one tier and one region. */
function leastMultiplier(variants: readonly Variant[]): Multiplier {
  const groups = new Map<string, Map<string, Multiplier>>();
  for (const { when, multiplier } of variants) {
    if (multiplier === null || !isBelowOne(multiplier)) continue;
    const { serviceTier, region } = when;
    const [kind, name] =
      serviceTier !== undefined
        ? ['tier', serviceTier]
        : region !== undefined
          ? ['region', region]
          : ['', ''];
    const group = groups.get(kind) ?? new Map<string, Multiplier>();
    groups.set(kind, group.set(name, timesOf(group.get(name) ?? ONE, multiplier)));
  }
  const least = [...groups.values()].map((group) =>
    [...group.values()].reduce((a, b) =>
      a.numerator * b.denominator <= b.numerator * a.denominator ? a : b,
    ),
  );
  return least.reduce(timesOf, ONE);
}

const ONE: Multiplier = { numerator: 1n, denominator: 1n };

function timesOf(a: Multiplier, b: Multiplier): Multiplier {
  return { numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator };
}

type Place = Omit<Circumstances, 'at'>;

/** All combinations of what these variants name, and of nothing; null where they are too many. */
function placesOf(variants: readonly Variant[]): Place[] | null {
  const conditions = variants.map(({ when }) => when);
  const bounds = conditions.flatMap(({ promptTokensAbove: bound }) =>
    bound === undefined ? [] : [bound + 1],
  );
  const choices: [string, Set<string | number | null>][] = [
    ['promptTokens', new Set([0, ...bounds])],
    ['serviceTier', new Set([DEFAULT_TIER, ...conditions.flatMap(({ serviceTier }) => serviceTier ?? [])])],
    ['region', new Set([null, ...conditions.flatMap(({ region }) => region ?? [])])],
  ];
  const attributes = new Map<string, Set<string | null>>();
  for (const [name, value] of conditions.flatMap((when) => Object.entries(when.attributes ?? {})))
    attributes.set(name, (attributes.get(name) ?? new Set<string | null>([null])).add(value));
  const counts = [
    ...choices.map(([, values]) => values.size),
    ...[...attributes.values()].map(({ size }) => size),
  ];
  if (counts.reduce((product, count) => product * count, 1) > CIRCUMSTANCES_MAX) return null;
  const places = productOf(choices);
  return productOf([...attributes]).flatMap((named) => {
    const met = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== null));
    return places.map((place) => ({ ...place, attributes: met }) as Place);
  });
}

function productOf(
  choices: readonly (readonly [string, ReadonlySet<string | number | null>])[],
): Record<string, string | number | null>[] {
  let all: Record<string, string | number | null>[] = [{}];
  for (const [name, values] of choices)
    all = all.flatMap((others) => [...values].map((value) => ({ ...others, [name]: value })));
  return all;
}

/** One for each set of variants whose times can hold together; null where they are too many. */
function instantsOf({ variants }: PriceTerms): Date[] | null {
  const timed = variants
    .map(({ when }) => when)
    .filter(({ utc, weekdays }) => utc !== undefined || weekdays !== undefined);
  if (timed.length === 0) return [WEEK.from];
  const turns = turnsBetween(
    WEEK.from,
    WEEK.to,
    timed.flatMap(({ utc }) => utc ?? []),
  );
  if (turns.length > TURNS_MAX) return null;
  const bySet = new Map(
    [WEEK.from, ...turns].map((at) => [timed.map((when) => isTimeMet(when, at)).join(), at]),
  );
  return [...bySet.values()];
}
