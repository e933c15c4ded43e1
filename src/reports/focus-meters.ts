/** What FOCUS calls our meters and units, and the ids of SKUs and their prices. Pure. */
import { isPricedByMillion, unitOf, type Meter, type MeterUnit } from '../domain/meters.js';

/** Capitalized nouns in the plural, as the specification asks of units and meters. */
const SKU_METERS: Readonly<Record<Meter, string>> = {
  input: 'Input Tokens',
  cached_input: 'Cache Read Input Tokens',
  cached_input_audio: 'Cache Read Audio Input Tokens',
  cached_input_image: 'Cache Read Image Input Tokens',
  cache_write: 'Cache Write Input Tokens',
  cache_write_30m: 'Cache Write Input Tokens (30 Minutes)',
  cache_write_1h: 'Cache Write Input Tokens (1 Hour)',
  cache_write_12h: 'Cache Write Input Tokens (12 Hours)',
  input_audio: 'Audio Input Tokens',
  input_image: 'Image Input Tokens',
  input_video: 'Video Input Tokens',
  output: 'Output Tokens',
  reasoning: 'Reasoning Output Tokens',
  output_audio: 'Audio Output Tokens',
  output_image: 'Image Output Tokens',
  output_video: 'Video Output Tokens',
  request: 'Requests',
  search: 'Web Searches',
  query: 'Queries',
  page: 'Pages',
  image: 'Images',
  session: 'Sessions',
  input_second: 'Input Seconds',
  output_second: 'Output Seconds',
  input_character: 'Input Characters',
  output_character: 'Output Characters',
};

export function skuMeterOf(meter: Meter): string {
  return SKU_METERS[meter];
}

/** Null where a meter counts things of its own. */
const UNITS: Readonly<Record<MeterUnit, string | null>> = {
  token: 'Tokens',
  character: 'Characters',
  second: 'Seconds',
  one: null,
};

/** The unit of quantities. */
export function consumedUnitOf(meter: Meter): string {
  return UNITS[unitOf(meter)] ?? SKU_METERS[meter];
}

/** The unit of prices. */
export function pricingUnitOf(meter: Meter): string {
  const unit = consumedUnitOf(meter);
  return isPricedByMillion(meter) ? `1000000 ${unit}` : unit;
}

export function skuIdOf(model: string, meter: Meter): string {
  return `${idOf(model)}-${meter.replaceAll('_', '-')}`;
}

/**
 * A rate has one unit price for each meter. Beside an agreed price stands the list price, which may change while the agreed one stays,
 * so the id names it too: no id ever has two prices.
 */
export function skuPriceIdOf(
  skuId: string,
  { rateId, unitPicos, listPicos }: { rateId: bigint; unitPicos: bigint; listPicos: bigint },
): string {
  return `${skuId}-r${rateId}${listPicos === unitPicos ? '' : `-list-${listPicos}`}`;
}

/**
 * A model's name in an id: printable ASCII, and no start of a formula, so that CSV leaves it as it is. Whatever else is in the name is
 * percent-encoded, and so is the percent sign: two models never share an id. The same goes for a hyphen that would make the end of
 * the name a part of the meter: input of `x-cached` is not the cached input of `x`.
 */
function idOf(model: string): string {
  return model.replace(/^[=+\-@]|[^!-~]|%|-(?=(?:cached|input|output)$)/gu, percentEncoded);
}

/** Printable ASCII for people to read. */
export function asciiOf(text: string): string {
  return text.replace(/[^ -~]/gu, percentEncoded);
}

function percentEncoded(character: string): string {
  return [...Buffer.from(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
