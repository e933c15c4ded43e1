/** The rule of rating, written out as slowly and plainly as it can be. It shares no code with src/domain/price.ts. */
import type { Circumstances, Conditions, PriceTerms, Variant } from '../../src/domain/price.js';

type Prices = Readonly<Record<string, bigint | undefined>>;
type Used = Readonly<Record<string, number | undefined>>;

const PROMPT = [
  'input',
  'cached_input',
  'cached_input_audio',
  'cached_input_image',
  'cache_write',
  'cache_write_30m',
  'cache_write_1h',
  'cache_write_12h',
  'input_audio',
  'input_image',
  'input_video',
];

export function promptTokensOfModel(used: Used): number {
  return PROMPT.map((meter) => used[meter] ?? 0).reduce((a, b) => a + b, 0);
}

/** Whose price a meter takes that has none of its own: the next to ask, which is asked the same way. */
const FALLS_BACK_ON: Readonly<Record<string, readonly string[]>> = {
  cached_input: ['input'],
  cached_input_audio: ['cached_input', 'input_audio', 'input'],
  cached_input_image: ['cached_input', 'input_image', 'input'],
  cache_write: ['input'],
  cache_write_30m: ['cache_write', 'input'],
  cache_write_1h: ['cache_write', 'input'],
  cache_write_12h: ['cache_write', 'input'],
  input_audio: ['input'],
  input_image: ['input'],
  input_video: ['input'],
  reasoning: ['output'],
  output_audio: ['output'],
  output_image: ['output'],
  output_video: ['output'],
};

export function modelCost(terms: PriceTerms, used: Used, met: Circumstances): bigint {
  let cost = modelUnitPrice(terms, 'request', met) ?? 0n;
  for (const [meter, quantity] of Object.entries(used)) {
    cost += BigInt(quantity!) * (modelUnitPrice(terms, meter, met) ?? 0n);
  }
  return cost;
}

export function modelUnitPrice(terms: PriceTerms, meter: string, met: Circumstances): bigint | undefined {
  for (const each of [meter, ...(FALLS_BACK_ON[meter] ?? [])]) {
    const own = ownPrice(terms, each, met);
    if (own !== undefined) return multipliedByAll(own, terms, met);
  }
  return undefined;
}

function ownPrice(terms: PriceTerms, meter: string, met: Circumstances): bigint | undefined {
  let naming = terms.variants.filter((variant) => (variant.prices as Prices)[meter] !== undefined);
  naming = naming.filter((variant) => conditionsOf(variant.when, met).every((condition) => condition));
  if (naming.length === 0) return (terms.prices as Prices)[meter];
  const counts = naming.map((variant) => conditionsOf(variant.when, met).length);
  naming = naming.filter((_, index) => counts[index] === Math.max(...counts));
  const sizes = naming.map(sizeOf);
  naming = naming.filter((_, index) => sizes[index] === Math.max(...sizes));
  return (naming.at(-1)!.prices as Prices)[meter];
}

function sizeOf({ when }: Variant): number {
  return when.promptTokensAbove ?? -1;
}

/** One truth value for each condition of the variant. */
function conditionsOf(when: Conditions, met: Circumstances): boolean[] {
  const truths: boolean[] = [];
  if (when.promptTokensAbove !== undefined) truths.push(met.promptTokens > when.promptTokensAbove);
  if (when.serviceTier !== undefined) truths.push(met.serviceTier === when.serviceTier);
  if (when.region !== undefined) truths.push(met.region === when.region);
  if (when.utc !== undefined) truths.push(when.utc.some((window) => isWithin(window, met.at)));
  if (when.weekdays !== undefined) truths.push(when.weekdays.includes(weekday(met.at)));
  for (const name of Object.keys(when.attributes ?? {})) {
    truths.push(met.attributes?.[name] === when.attributes?.[name]);
  }
  return truths;
}

/** Goes through the minutes of the window one by one. */
export function isWithin(window: { fromMinute: number; toMinute: number }, at: Date): boolean {
  const minute = Math.floor((at.getTime() % 86_400_000) / 60_000);
  let each = window.fromMinute;
  do {
    if (each === minute) return true;
    each = (each + 1) % 1_440;
  } while (each !== window.toMinute);
  return false;
}

/** The first of January 1970 was a Thursday. */
function weekday(at: Date): number {
  const days = Math.floor(at.getTime() / 86_400_000);
  return ((days + 3) % 7) + 1;
}

/** The nearest whole picodollar to price × all multipliers; of two that are as near, the even one. */
function multipliedByAll(picos: bigint, terms: PriceTerms, met: Circumstances): bigint {
  let top = picos;
  let bottom = 1n;
  for (const { when, multiplier } of terms.variants) {
    if (multiplier === null || conditionsOf(when, met).includes(false)) continue;
    top *= multiplier.numerator;
    bottom *= multiplier.denominator;
  }
  const below = top / bottom;
  const above = below + 1n;
  const toBelow = top - below * bottom;
  const toAbove = above * bottom - top;
  if (toBelow !== toAbove) return toBelow < toAbove ? below : above;
  return below % 2n === 0n ? below : above;
}
