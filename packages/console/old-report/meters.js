/** Meters: what is counted of a request. The same names, labels and order as the service's; a test compares them. */

const token = (side, label) => ({ unit: 'token', side, label });
const other = (unit, label) => ({ unit, side: null, label });

/** In the order in which bills list them. */
export const METERS = {
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

/** Those that have columns of their own; the output tokens hold the reasoning. */
const USUAL = new Set(['input', 'cached_input', 'output', 'reasoning']);

/** The quantities of all other meters, in the order of bills. */
export function othersOf(quantities) {
  return Object.fromEntries(
    Object.keys(METERS)
      .filter((meter) => !USUAL.has(meter) && quantities[meter])
      .map((meter) => [meter, quantities[meter]]),
  );
}

export function addOthers(a, b) {
  const sum = { ...a };
  for (const [meter, quantity] of Object.entries(b)) sum[meter] = (sum[meter] ?? 0) + quantity;
  return othersOf(sum);
}

export function tokensAmong(others, side = null) {
  return Object.entries(others).reduce((sum, [meter, quantity]) => {
    const facts = METERS[meter];
    return facts.unit === 'token' && (side === null || facts.side === side) ? sum + quantity : sum;
  }, 0);
}

export function cachedAmong({ cached_input_audio = 0, cached_input_image = 0 }) {
  return cached_input_audio + cached_input_image;
}

/** As a heading says it. */
export function meterName(meter) {
  const { label } = METERS[meter];
  return label[0].toUpperCase() + label.slice(1);
}

/** Prices of tokens and characters are read by the million, the others' by one. */
export function isByMillion(meter) {
  return ['token', 'character'].includes(METERS[meter].unit);
}
