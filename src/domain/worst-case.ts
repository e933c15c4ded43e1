/** The most that a request may cost, by what is known before it runs. */
import { TOKENS_MAX } from '@tally/client/protocol';
import { boundingTerms } from './bounding-terms.js';
import { dearestAt, dearestOfAll, TOKEN_METERS, type Dearest } from './dearest-prices.js';
import type { Meter } from './meters.js';
import {
  isTimeMet,
  resolve,
  unitPricesUnder,
  type Circumstances,
  type Conditions,
  type Price,
  type PriceTerms,
} from './price.js';
import { DEFAULT_TIER } from './service-tier.js';
import { turnsBetween, type UtcWindow } from './utc-windows.js';

/** The tier of a request that lets the server choose. */
export const AUTO_TIER = 'auto';

/** When the request may run. */
type Lifetime = { readonly from: Date; readonly to: Date };

export type Expected = Lifetime & {
  /** Null where the caller does not say: anything up to the model's maximum. */
  readonly inputTokens: number | null;
  /** Where the tokens are not said: they are at most so many, and fewer may cost more. */
  readonly inputTokensMax?: number | null;
  readonly maxOutputTokens: number | null;
  /** How many inputs and outputs the request has, 1 if left out: each may be as large as the model allows. */
  readonly inputCount?: number;
  readonly outputCount?: number;
  readonly serviceTier: string;
  /** Null where the caller does not say: any. */
  readonly region: string | null;
};

/** Combinations of tiers, regions and attributes of one price. Publishing refuses more. */
export const COMBINATIONS_MAX = 1_000;

/** No request that is as expected costs more, as far as it is charged by the token or by the request. */
export function worstCasePicos(price: Price, expected: Expected): bigint {
  if (price.variants.length === 0) return worstCaseWithoutVariants(price, expected);
  const outputTokens = outputOf(price, expected);
  const plan = planOf(price);
  const bySize = dearestBySize(plan, expected);
  const largest = expected.inputTokens ?? boundOf(price, expected);
  const last = sizeOf(plan, largest);
  let worst = costAt(bySize[last]!, largest, outputTokens);
  if (expected.inputTokens !== null) return worst;
  for (let size = 0; size < last; size += 1) {
    // The largest prompt of the size.
    const picos = costAt(bySize[size]!, plan.bounds[size]!, outputTokens);
    if (picos > worst) worst = picos;
  }
  return worst;
}

/** The same for the usual price, which depends on nothing but tokens: no dates and no other objects are made. */
export function worstCaseWithoutVariants(
  price: Price,
  expected: Omit<Expected, keyof Lifetime | 'serviceTier' | 'region'>,
): bigint {
  const input = expected.inputTokens ?? boundOf(price, expected);
  return costAt(planOf(price).base, input, outputOf(price, expected));
}

/** The most input tokens of a request that does not state them: its own bound, or the model's maximum for each input. */
function boundOf(
  price: Price,
  { inputTokensMax, inputCount }: Pick<Expected, 'inputTokensMax' | 'inputCount'>,
): number {
  return Math.min(inputTokensMax ?? Infinity, ofEach(price.maxInputTokens, inputCount));
}

function outputOf(
  price: Price,
  { maxOutputTokens, outputCount }: Pick<Expected, 'maxOutputTokens' | 'outputCount'>,
): number {
  return maxOutputTokens ?? ofEach(price.maxOutputTokens, outputCount);
}

/** No event has more tokens of a kind than `TOKENS_MAX`. */
function ofEach(tokens: number, count = 1): number {
  return count === 1 ? tokens : Math.min(tokens * count, TOKENS_MAX);
}

function costAt(dearest: Dearest, promptTokens: number, outputTokens: number): bigint {
  const { inputPicos, outputPicos, requestPicos } = dearest;
  const picos = BigInt(promptTokens) * inputPicos + BigInt(outputTokens) * outputPicos;
  return requestPicos === 0n ? picos : picos + requestPicos;
}

/** False where nothing that the request may meet has a price, such as in a tier other than the only one that is priced. */
export function isPricedFor(
  price: PriceTerms,
  expected: Omit<Expected, 'inputTokens' | 'maxOutputTokens'>,
): boolean {
  return dearestBySize(planOf(price), expected).some(({ isPriced }) => isPriced);
}

/** Prices that no request exceeds, of whatever size: what a gateway computes holds with. */
export function dearestPrices(
  price: PriceTerms,
  expected: Omit<Expected, 'inputTokens' | 'maxOutputTokens'>,
): Dearest {
  return dearestOfAll(dearestBySize(planOf(price), expected));
}

/** What does not depend on the request, worked out once for a version, because a version is never changed. */
type Plan = {
  readonly terms: PriceTerms;
  /** Without variants. */
  readonly base: Dearest;
  /** Sizes of prompts above which another price may hold, ascending. */
  readonly bounds: readonly number[];
  readonly timed: readonly Conditions[];
  readonly windows: readonly UtcWindow[];
  readonly choices: Choices;
  /** By tier, region and times; in it by size. */
  readonly known: Map<string, readonly Dearest[]>;
  /** Those of the last request: requests of one minute that last as long meet the same. */
  lastTimes: Times;
};

const plans = new WeakMap<PriceTerms, Plan>();
const KNOWN_MAX = 1_000;
const MINUTE_MS = 60_000;

function planOf(terms: PriceTerms): Plan {
  let plan = plans.get(terms);
  if (plan === undefined) plans.set(terms, (plan = newPlan(terms)));
  return plan;
}

function newPlan(terms: PriceTerms): Plan {
  const conditions = terms.variants.map(({ when }) => when);
  const bounds = new Set(conditions.flatMap((when) => when.promptTokensAbove ?? []));
  const timed = conditions.filter((when) => when.utc !== undefined || when.weekdays !== undefined);
  return {
    terms,
    base: dearestAt(unitPricesUnder(terms, [])),
    bounds: [...bounds].sort((a, b) => a - b),
    timed,
    windows: timed.flatMap(({ utc }) => utc ?? []),
    choices: choicesOf(terms),
    known: new Map(),
    lastTimes: { fromMinute: NaN, toMinute: NaN, instants: [], key: '' },
  };
}

/** How many bounds lie below: prompts of one size are told apart by no variant. */
function sizeOf({ bounds }: Plan, promptTokens: number): number {
  let size = 0;
  while (size < bounds.length && promptTokens > bounds[size]!) size += 1;
  return size;
}

type Times = {
  readonly fromMinute: number;
  readonly toMinute: number;
  /** One for each set of variants whose times can hold while the request runs. */
  readonly instants: readonly Date[];
  readonly key: string;
};

function timesOf(plan: Plan, { from, to }: Lifetime): Times {
  const { timed, windows, lastTimes } = plan;
  const fromMinute = timed.length === 0 ? 0 : Math.floor(from.getTime() / MINUTE_MS);
  const toMinute = timed.length === 0 ? 0 : Math.floor(to.getTime() / MINUTE_MS);
  if (lastTimes.fromMinute === fromMinute && lastTimes.toMinute === toMinute) return lastTimes;
  const bySet = new Map<string, Date>();
  for (const at of [from, ...turnsBetween(from, to, windows)]) {
    bySet.set(timed.map((when) => Number(isTimeMet(when, at))).join(''), at);
  }
  const key = [...bySet.keys()].sort().join(' ');
  plan.lastTimes = { fromMinute, toMinute, instants: [...bySet.values()], key };
  return plan.lastTimes;
}

function dearestBySize(
  plan: Plan,
  expected: Omit<Expected, 'inputTokens' | 'maxOutputTokens'>,
): readonly Dearest[] {
  const { choices, known } = plan;
  const { serviceTier } = expected;
  const tier = serviceTier === AUTO_TIER ? AUTO_TIER : among(choices.tiers, serviceTier);
  const region = expected.region === null ? null : among(choices.regions, expected.region);
  const { instants, key: timesKey } = timesOf(plan, expected);
  // No name has a line break.
  const key = `${tier}\n${region ?? '\n'}\n${timesKey}`;
  let dearest = known.get(key);
  if (dearest === undefined) {
    if (known.size === KNOWN_MAX) known.clear();
    dearest = lookedAt(plan, { places: placesOf(choices, { serviceTier: tier, region }), instants });
    known.set(key, dearest);
  }
  return dearest;
}

/** Variants that are looked at before a bound is taken instead: some 50 ms, because decisions wait. */
const STEPS_MAX = 50_000;

/** By size: exact, or where that would take too long a bound of it. */
function lookedAt(
  { terms, bounds, choices }: Plan,
  { places, instants }: { places: readonly Place[]; instants: readonly Date[] },
): readonly Dearest[] {
  const sizes = [0, ...bounds.map((bound) => bound + 1)];
  const { variants } = terms;
  const steps = places.length * choices.attributes.length * instants.length * sizes.length * variants.length;
  if (steps > STEPS_MAX) {
    const dearest = dearestOfAll(places.map((place) => dearestUnder(boundingTerms(terms, place))));
    return sizes.map(() => dearest);
  }
  const met = places.flatMap((place) =>
    choices.attributes.flatMap((attributes) => instants.map((at) => ({ ...place, attributes, at }))),
  );
  return sizes.map((promptTokens) =>
    dearestOfAll(met.map((others) => dearestAt(resolve(terms, { promptTokens, ...others }).unitPrices))),
  );
}

/** Under all variants. */
function dearestUnder(terms: PriceTerms): Dearest {
  return dearestAt(unitPricesUnder(terms, [...terms.variants.keys()]));
}

/** What no variant names is all one, so that callers cannot fill what is known with names of their own. */
function among(named: ReadonlySet<string>, name: string): string {
  return named.has(name) ? name : '';
}

type Place = Pick<Circumstances, 'serviceTier' | 'region'>;

function placesOf(
  { tiers, regions }: Choices,
  { serviceTier, region }: Pick<Expected, 'serviceTier' | 'region'>,
): Place[] {
  const served = serviceTier === AUTO_TIER ? [DEFAULT_TIER, ...tiers] : [serviceTier];
  const places = region === null ? [null, ...regions] : [region];
  return served.flatMap((tier) => places.map((place) => ({ serviceTier: tier, region: place })));
}

/** How many sets of circumstances a reservation may have to look at. */
export function combinationCount(terms: PriceTerms): number {
  const { tiers, regions, attributes } = choicesOf(terms, COMBINATIONS_MAX);
  return (tiers.size + 1) * (regions.size + 1) * attributes.length;
}

type Choices = {
  readonly tiers: ReadonlySet<string>;
  readonly regions: ReadonlySet<string>;
  readonly attributes: readonly Readonly<Record<string, string>>[];
};

/** Only of variants that concern what is held. `most` stops the product of attributes. */
function choicesOf({ variants }: PriceTerms, most = Infinity): Choices {
  // Sizes and qualities of pictures are many, and what pictures cost is not held by the token.
  const isByToken = variants.some(({ prices }) => TOKEN_METERS.some((meter) => prices[meter] !== undefined));
  const concerned = variants.filter(
    ({ prices, multiplier }) =>
      !isByToken || multiplier !== null || HELD_METERS.some((meter) => prices[meter] !== undefined),
  );
  const values = new Map<string, Set<string>>();
  for (const { when } of concerned) {
    for (const [name, value] of Object.entries(when.attributes ?? {})) {
      const known = values.get(name);
      if (known === undefined) values.set(name, new Set([value]));
      else known.add(value);
    }
  }
  let attributes: Record<string, string>[] = [{}];
  for (const [name, choices] of values) {
    attributes = attributes.flatMap((others) => [
      others,
      ...[...choices].map((value) => ({ ...others, [name]: value })),
    ]);
    if (attributes.length > most) break;
  }
  return {
    tiers: new Set(concerned.flatMap(({ when }) => when.serviceTier ?? [])),
    regions: new Set(concerned.flatMap(({ when }) => when.region ?? [])),
    attributes,
  };
}

const HELD_METERS: readonly Meter[] = [...TOKEN_METERS, 'request'];
