/**
 * Money. On the wire it is a decimal string of US dollars (`"0.00130356"`), in arithmetic a bigint of picodollars
 * (10^-12 US dollar), and where requests are weighed a number of nanodollars, which doubles add up exactly below 2^53.
 */

export const PICOS_PER_USD = 10n ** 12n;
export const PICOS_PER_NANO = 1_000n;
export const NANOS_PER_USD = 1_000_000_000;

/** The most nanodollars that a decision counts with: $9.0 million, below 2^53. */
export const NANOS_MAX = 9_000_000_000_000_000;

const USD = /^(-?)(\d+)(?:\.(\d{1,12}))?$/;

export function isUsd(text: string): boolean {
  return USD.test(text);
}

/** Exact. Throws a RangeError for anything but a decimal string with at most 12 decimals. */
export function picosFromUsd(usd: string): bigint {
  const match = USD.exec(usd);
  if (match === null) throw new RangeError(`not an amount of US dollars: ${JSON.stringify(usd)}`);
  const [, sign, whole = '', fraction = ''] = match;
  const picos = BigInt(whole) * PICOS_PER_USD + BigInt(fraction.padEnd(12, '0'));
  return sign === '-' ? -picos : picos;
}

/** Exact, without trailing zeros: 1303560000n → `"0.00130356"`. */
export function formatUsd(picos: bigint): string {
  const sign = picos < 0n ? '-' : '';
  const digits = (picos < 0n ? -picos : picos).toString().padStart(13, '0');
  const point = digits.length - 12;
  let end = digits.length;
  while (end > point && digits[end - 1] === '0') end -= 1;
  const whole = `${sign}${digits.slice(0, point)}`;
  return end === point ? whole : `${whole}.${digits.slice(point, end)}`;
}

/** Exact. `nanos` is an integer. */
export function picosFromNanos(nanos: number): bigint {
  return BigInt(nanos) * PICOS_PER_NANO;
}
