/** The dearest of the prices that a request may meet, by what a hold knows of it: its input, its output, and itself. */
import { assert } from './errors.js';
import { INPUT_TOKEN_METERS, METERS, OUTPUT_TOKEN_METERS, unitOf, type Meter } from './meters.js';
import type { UnitPrices } from './price.js';

/** Each is the dearest over all that requests may meet. One request need not meet all three. */
export type Dearest = {
  readonly inputPicos: bigint;
  readonly outputPicos: bigint;
  /** For the request as such. */
  readonly requestPicos: bigint;
  /** Whether any of it has a price, be it 0. */
  readonly isPriced: boolean;
};

export const TOKEN_METERS = [...INPUT_TOKEN_METERS, ...OUTPUT_TOKEN_METERS];
const OTHER_METERS = METERS.filter((meter) => unitOf(meter) !== 'token');

export function dearestAt(unitPrices: UnitPrices): Dearest {
  return {
    inputPicos: dearestOfMeters(unitPrices, INPUT_TOKEN_METERS),
    outputPicos: dearestOfMeters(unitPrices, OUTPUT_TOKEN_METERS),
    requestPicos: requestPicosAt(unitPrices),
    isPriced: Object.keys(unitPrices).length > 0,
  };
}

/**
 * A model that is not priced by the token holds one unit of each of its meters, because nobody can say before how many pages or
 * seconds a request has: enough to be denied once nothing is left.
 */
function requestPicosAt(unitPrices: UnitPrices): bigint {
  const isByToken = TOKEN_METERS.some((meter) => (unitPrices[meter] ?? 0n) > 0n);
  if (isByToken) return unitPrices.request ?? 0n;
  return OTHER_METERS.reduce((sum, meter) => sum + (unitPrices[meter] ?? 0n), 0n);
}

function dearestOfMeters(unitPrices: UnitPrices, meters: readonly Meter[]): bigint {
  return meters.reduce((dearest, meter) => max(dearest, unitPrices[meter] ?? 0n), 0n);
}

export function dearestOfAll(all: readonly Dearest[]): Dearest {
  assert(all.length > 0, 'there is one set of circumstances at least');
  return all.reduce((a, b) => ({
    inputPicos: max(a.inputPicos, b.inputPicos),
    outputPicos: max(a.outputPicos, b.outputPicos),
    requestPicos: max(a.requestPicos, b.requestPicos),
    isPriced: a.isPriced || b.isPriced,
  }));
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
