/**
 * Meters: what is counted of a request. They are disjoint, so that a cost is the sum over meters of quantity × unit price: a
 * token that was read from a cache is `cached_input` and not `input`, a thinking token is `reasoning` and not `output`.
 */

export type MeterUnit = 'token' | 'character' | 'second' | 'one';

type MeterFacts = {
  readonly unit: MeterUnit;
  /** Whether it is a part of the prompt or of the answer; null for what is neither. */
  readonly side: 'input' | 'output' | null;
  /** Whose price it takes where it has none, the first that has one. */
  readonly fallsBackOn: readonly string[];
  /** As a line of a bill says it. */
  readonly label: string;
};

function tokens(side: 'input' | 'output', label: string, ...fallsBackOn: string[]): MeterFacts {
  return { unit: 'token', side, label, fallsBackOn };
}

function other(unit: MeterUnit, label: string): MeterFacts {
  return { unit, side: null, label, fallsBackOn: [] };
}

const FACTS = {
  input: tokens('input', 'input'),
  cached_input: tokens('input', 'cached input', 'input'),
  cached_input_audio: tokens('input', 'cached audio input', 'cached_input', 'input_audio', 'input'),
  cached_input_image: tokens('input', 'cached image input', 'cached_input', 'input_image', 'input'),
  cache_write: tokens('input', 'cache write', 'input'),
  cache_write_30m: tokens('input', 'cache write, 30 minutes', 'cache_write', 'input'),
  cache_write_1h: tokens('input', 'cache write, 1 hour', 'cache_write', 'input'),
  cache_write_12h: tokens('input', 'cache write, 12 hours', 'cache_write', 'input'),
  input_audio: tokens('input', 'audio input', 'input'),
  input_image: tokens('input', 'image input', 'input'),
  input_video: tokens('input', 'video input', 'input'),
  output: tokens('output', 'output'),
  reasoning: tokens('output', 'reasoning', 'output'),
  output_audio: tokens('output', 'audio output', 'output'),
  output_image: tokens('output', 'image output', 'output'),
  output_video: tokens('output', 'video output', 'output'),
  request: other('one', 'request'),
  search: other('one', 'web search'),
  query: other('one', 'query'),
  page: other('one', 'page'),
  image: other('one', 'image'),
  session: other('one', 'session'),
  input_second: other('second', 'seconds of input'),
  output_second: other('second', 'seconds of output'),
  input_character: other('character', 'characters of input'),
  output_character: other('character', 'characters of output'),
} as const satisfies Record<string, MeterFacts>;

export type Meter = keyof typeof FACTS;

/** In the order in which bills list them. */
export const METERS = Object.keys(FACTS) as readonly Meter[];

/** Meters that have columns of their own, because nearly every request has them. The others share one. */
export const USUAL_METERS: readonly Meter[] = ['input', 'cached_input', 'output', 'reasoning'];

/**
 * What a request used: whole numbers from 1 to 2^31 - 1. A meter that is left out has none. The request itself is not among them:
 * it is one, and is charged where the price has it.
 */
export type Quantities = { readonly [M in Meter]?: number };

/** What many requests used. */
export type QuantitySums = { readonly [M in Meter]?: bigint };

export function isMeter(text: string): text is Meter {
  return Object.hasOwn(FACTS, text);
}

export function unitOf(meter: Meter): MeterUnit {
  return FACTS[meter].unit;
}

export function labelOf(meter: Meter): string {
  return FACTS[meter].label;
}

export function fallbacksOf(meter: Meter): readonly Meter[] {
  return FACTS[meter].fallsBackOn as readonly Meter[];
}

export const INPUT_TOKEN_METERS = METERS.filter((meter) => FACTS[meter].side === 'input');
export const OUTPUT_TOKEN_METERS = METERS.filter((meter) => FACTS[meter].side === 'output');

/** Prices of these are stated for a million of them, the others' for one. */
export function isPricedByMillion(meter: Meter): boolean {
  const unit = unitOf(meter);
  return unit === 'token' || unit === 'character';
}

/** All tokens that went into the request, cached and written ones included. */
export function promptTokensOf(quantities: Quantities): number {
  return sumOf(quantities, INPUT_TOKEN_METERS);
}

export function outputTokensOf(quantities: Quantities): number {
  return sumOf(quantities, OUTPUT_TOKEN_METERS);
}

function sumOf(quantities: Quantities, meters: readonly Meter[]): number {
  let sum = 0;
  for (const meter of meters) sum += quantities[meter] ?? 0;
  return sum;
}
