/**
 * Money is an integer of picodollars (10^-12 US dollar) in a bigint: $0.71 per million tokens is 710,000
 * picodollars per token, so every cost is a whole number. Money is read, printed and rounded only here and, where
 * gateways need it too, in the client's protocol.
 */
import { formatUsd, NANOS_MAX, picosFromUsd, PICOS_PER_NANO, PICOS_PER_USD } from '@tally/client/protocol';
import { TallyError } from './errors.js';

const PICOS_PER_CENT = 10n ** 10n;

/** The largest amount that a request may name: one trillion dollars, far inside NUMERIC(38,0). */
const AMOUNT_PICOS_MAX = PICOS_PER_USD * 10n ** 12n;

const DECIMAL = /^(-?)\d{1,20}(?:\.(\d+))?$/;

/** Reads a decimal string of US dollars (`"12.5"`, at most `decimalsMax` decimals, never negative) as picodollars. */
export function parseUsd(text: string, field: string, decimalsMax = 12): bigint {
  const match = DECIMAL.exec(text);
  if (!match) throw invalidAmount(field, 'must be a decimal string of US dollars such as "12.5"');
  const [, sign, fraction = ''] = match;
  if (sign === '-') throw invalidAmount(field, 'must not be negative');
  if (fraction.length > decimalsMax) throw invalidAmount(field, `must have at most ${decimalsMax} decimals`);
  const picos = picosFromUsd(text);
  if (picos > AMOUNT_PICOS_MAX) throw invalidAmount(field, 'must be at most 1000000000000');
  return picos;
}

/** `null` stays `null`: an absent limit is printed as JSON null. */
export function formatUsdOrNull(picos: bigint | null): string | null {
  return picos === null ? null : formatUsd(picos);
}

/** As `formatUsdPerMillion`; a price that is not known yet stays `null`. */
export function formatUsdPerMillionOrNull(picosPerToken: bigint | null): string | null {
  return picosPerToken === null ? null : formatUsdPerMillion(picosPerToken);
}

/** The highest price of a token or a character: $10,000 per million. A price per million that was entered as one per token exceeds it. */
export const PRICE_PICOS_BY_MILLION_MAX = 10_000n * 10n ** 6n;

/** Reads US dollars per million tokens (at most 6 decimals, $0 to $10,000) as picodollars per token. */
export function parseUsdPerMillion(text: string, field: string): bigint {
  const picosPerToken = parseUsd(text, field, 6) / 1_000_000n;
  if (picosPerToken > PRICE_PICOS_BY_MILLION_MAX) {
    throw invalidAmount(field, 'must be at most 10000 (US dollars per million)');
  }
  return picosPerToken;
}

/** The highest price of one page, second, image, …. */
export const PRICE_PICOS_EACH_MAX = 10_000n * PICOS_PER_USD;

/** Reads US dollars for one of something (at most 12 decimals, $0 to $10,000). */
export function parseUsdEach(text: string, field: string): bigint {
  const picos = parseUsd(text, field);
  if (picos > PRICE_PICOS_EACH_MAX) throw invalidAmount(field, 'must be at most 10000 (US dollars)');
  return picos;
}

/** Prints picodollars per token as US dollars per million tokens. */
export function formatUsdPerMillion(picosPerToken: bigint): string {
  return formatUsd(picosPerToken * 1_000_000n);
}

/** What may still be spent, in nanodollars: rounded down and kept within ±$9.0 million, so that Redis compares exactly. */
export function roomNanos(roomPicos: bigint): number {
  const nanos =
    roomPicos >= 0n ? roomPicos / PICOS_PER_NANO : -((-roomPicos + PICOS_PER_NANO - 1n) / PICOS_PER_NANO);
  if (nanos > BigInt(NANOS_MAX)) return NANOS_MAX;
  if (nanos < BigInt(-NANOS_MAX)) return -NANOS_MAX;
  return Number(nanos);
}

/** What a request may cost, in nanodollars: rounded up. A hold above $9.0 million is capped there: no room admits it twice. */
export function holdNanos(holdPicos: bigint): number {
  const nanos = (holdPicos + PICOS_PER_NANO - 1n) / PICOS_PER_NANO;
  return nanos > BigInt(NANOS_MAX) ? NANOS_MAX : Number(nanos);
}

/** Rounds to whole cents, half to even, for the lines of a printed statement. */
export function roundHalfEvenToCents(picos: bigint): bigint {
  const negative = picos < 0n;
  const magnitude = negative ? -picos : picos;
  const cents = dividedHalfEven(magnitude, PICOS_PER_CENT);
  return negative ? -cents : cents;
}

/** A quotient of integers that are not negative, rounded half to even. */
export function dividedHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** From whole cents, the unit of OpenAI's spend limits. */
export function picosFromCents(cents: number): bigint {
  return BigInt(cents) * PICOS_PER_CENT;
}

/** A limit in whole cents, rounded down: it never promises more than the limit allows. */
export function centsBelow(picos: bigint): number {
  const cents = picos / PICOS_PER_CENT;
  return Number(cents);
}

/** Prints whole cents as dollars with two decimals: `"-12.50"`. */
export function formatCents(cents: bigint): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function invalidAmount(field: string, expected: string): TallyError {
  return new TallyError('invalid_request', `${field} ${expected}`, { param: field });
}
