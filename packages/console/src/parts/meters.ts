/** Meters: what is counted of a request. The same names, labels and order as the service's; a test compares them. */

type MeterFacts = {
  readonly unit: 'token' | 'character' | 'second' | 'one';
  readonly side: 'input' | 'output' | null;
  readonly label: string;
};
export type Quantities = Readonly<Record<string, number>>;

const token = (side: 'input' | 'output', label: string): MeterFacts => ({ unit: 'token', side, label });
const other = (unit: MeterFacts['unit'], label: string): MeterFacts => ({ unit, side: null, label });

/** In the order in which bills list them. */
export const METERS: Readonly<Record<string, MeterFacts>> = {
  input: token('input', 'input'),
  cached_input: token('input', 'cached input'),
  cached_input_audio: token('input', 'cached audio input'),
  cached_input_image: token('input', 'cached image input'),
  cache_write: token('input', 'cache write'),
  cache_write_30m: token('input', 'cache write, 30 minutes'),
  cache_write_1h: token('input', 'cache write, 1 hour'),
  cache_write_12h: token('input', 'cache write, 12 hours'),
  input_audio: token('input', 'audio input'),
  input_image: token('input', 'image input'),
  input_video: token('input', 'video input'),
  output: token('output', 'output'),
  reasoning: token('output', 'reasoning'),
  output_audio: token('output', 'audio output'),
  output_image: token('output', 'image output'),
  output_video: token('output', 'video output'),
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
};

export const UNITS: Readonly<Record<MeterFacts['unit'], string>> = {
  token: 'tokens',
  character: 'characters',
  second: 'seconds',
  one: '',
};

/** Those that have columns of their own; the output tokens hold the reasoning. */
const USUAL = new Set(['input', 'cached_input', 'output', 'reasoning']);

/** The quantities of all other meters, in the order of bills. */
export function othersOf(quantities: Quantities): Quantities {
  return Object.fromEntries(
    Object.keys(METERS)
      .filter((meter) => !USUAL.has(meter) && (quantities[meter] ?? 0) > 0)
      .map((meter) => [meter, quantities[meter] ?? 0]),
  );
}

export function addOthers(a: Quantities, b: Quantities): Quantities {
  const sum: Record<string, number> = { ...a };
  for (const [meter, quantity] of Object.entries(b)) sum[meter] = (sum[meter] ?? 0) + quantity;
  return othersOf(sum);
}

export function tokensAmong(quantities: Quantities, side: MeterFacts['side'] = null): number {
  return Object.entries(quantities).reduce((sum, [meter, quantity]) => {
    const facts = METERS[meter];
    return facts?.unit === 'token' && (side === null || facts.side === side) ? sum + quantity : sum;
  }, 0);
}

export function cachedAmong({
  cached_input_audio: audio = 0,
  cached_input_image: image = 0,
}: Quantities): number {
  return audio + image;
}

export function meterLabel(meter: string): string {
  return METERS[meter]?.label ?? meter;
}

/** As a heading says it. */
export function meterName(meter: string): string {
  const label = meterLabel(meter);
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** Prices of tokens and characters are read by the million, the others' by one. */
export function isByMillion(meter: string): boolean {
  const unit = METERS[meter]?.unit;
  return unit === 'token' || unit === 'character';
}

/** What a field of a price is called for a meter: `search_usd`, `input_usd_per_million`. */
export function priceField(meter: string): string {
  return isByMillion(meter) ? `${meter}_usd_per_million` : `${meter}_usd`;
}
