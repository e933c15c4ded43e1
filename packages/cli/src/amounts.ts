/** Amounts of US dollars: read from the command line without a float, and written for people. */
import { formatUsd, picosFromUsd, PICOS_PER_USD } from '@tally/client/protocol';

const PICOS_PER_CENT = PICOS_PER_USD / 100n;

/** The largest amount that the service takes. */
const AMOUNT_PICOS_MAX = 10n ** 12n * PICOS_PER_USD;

const PLAIN = /^\$?(\d+)(?:\.(\d+))?$/;

/**
 * `500`, `0.0005` or `$500` → the API's decimal string. Throws a RangeError that says what is wrong. A comma is refused: `1,500` is fifteen hundred
 * to some people and one and a half to others.
 */
export function readUsd(text: string): string {
  const match = PLAIN.exec(text);
  if (match === null)
    throw new RangeError('must be an amount of US dollars such as 5000 or 0.25, without commas');
  const [, whole = '', fraction = ''] = match;
  if (fraction.length > 12) throw new RangeError('must have at most 12 decimals');
  const picos = picosFromUsd(fraction === '' ? whole : `${whole}.${fraction}`);
  if (picos > AMOUNT_PICOS_MAX) throw new RangeError('must be at most 1000000000000');
  return formatUsd(picos);
}

/** The same, for an amount above 0. */
export function readPositiveUsd(text: string): string {
  const usd = readUsd(text);
  if (usd === '0') throw new RangeError('must be more than 0');
  return usd;
}

/** Exact, with at least cents: `"1234.5"` → `$1,234.50`. */
export function money(usd: string | null | undefined, none = '–'): string {
  if (usd === null || usd === undefined) return none;
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(usd) ?? [];
  return `${sign}$${grouped(whole)}.${fraction.padEnd(2, '0')}`;
}

/**
 * For overviews: cents, or the first two digits that are not 0 where there is less than a cent. Rounded half to even; what is not 0 never looks like
 * 0.
 */
export function roundMoney(usd: string | null | undefined, none = '–'): string {
  if (usd === null || usd === undefined) return none;
  const picos = picosFromUsd(usd);
  const size = picos < 0n ? -picos : picos;
  const step =
    size >= PICOS_PER_CENT || size === 0n
      ? PICOS_PER_CENT
      : 10n ** BigInt(Math.max(0, String(size).length - 2));
  const rounded = halfEven(size, step) * step;
  return money(formatUsd(picos < 0n ? -rounded : rounded), none);
}

/** An amount in picodollars, to compare. */
export function picosOf(usd: string): bigint {
  return picosFromUsd(usd);
}

/** The sum of two amounts, such as credits after a purchase. */
export function sumUsd(...amounts: readonly string[]): string {
  return formatUsd(amounts.reduce((sum, usd) => sum + picosFromUsd(usd), 0n));
}

/** `1234567` → `1,234,567`. */
export function count(value: number | null | undefined, none = '–'): string {
  return value === null || value === undefined ? none : grouped(String(value));
}

/** `1 event`, `2,000 events`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

function halfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}
