/**
 * Money is a bigint of picodollars (10^-12 US dollar), read from the decimal strings of the API. No sum on this page
 * is ever a floating point number; only the height of a bar is.
 */

export const PICOS_PER_USD = 10n ** 12n;

/** `"12.5"` → 12500000000000n */
export function picosOf(text) {
  const match = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text);
  if (!match) throw new Error(`not an amount of dollars: ${text}`);
  const picos = BigInt(match[2]) * PICOS_PER_USD + BigInt((match[3] ?? '').padEnd(12, '0'));
  return match[1] === '-' ? -picos : picos;
}

/** The exact decimal without trailing zeros: 12500000000000n → `"12.5"`. */
export function exactUsd(picos) {
  const digits = String(picos < 0n ? -picos : picos).padStart(13, '0');
  const fraction = digits.slice(-12).replace(/0+$/, '');
  return `${picos < 0n ? '-' : ''}${digits.slice(0, -12)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Rounded for reading, half to even: to cents (or more decimals), and below a cent to the first two digits that are not zero. */
export function readableUsd(picos, decimalsMin = 2) {
  const size = picos < 0n ? -picos : picos;
  const isSmall = size > 0n && size < PICOS_PER_USD / 100n;
  const decimals = isSmall ? Math.max(decimalsMin, Math.min(12, 14 - String(size).length)) : decimalsMin;
  const unit = 10n ** BigInt(12 - decimals);
  const rounded = divideHalfEven(size, unit);
  const scale = 10n ** BigInt(decimals);
  const whole = groupDigits(rounded / scale);
  const fraction = String(rounded % scale).padStart(decimals, '0');
  return `${picos < 0n && rounded > 0n ? '−' : ''}$${whole}.${fraction}`;
}

/** Picodollars per million tokens, rounded half to even; null where there are no tokens. */
export function picosPerMillion(picos, tokens) {
  return tokens === 0 ? null : divideHalfEven(picos * 1_000_000n, BigInt(tokens));
}

/** Picodollars for one of a quantity above 0, rounded half to even. */
export function picosEach(picos, quantity) {
  return divideHalfEven(picos, BigInt(quantity));
}

/** For the heights and lines of charts only. */
export function drawnUsd(picos) {
  return Number(picos) / 1e12;
}

export function sumPicos(items, picosOfItem) {
  return items.reduce((sum, item) => sum + picosOfItem(item), 0n);
}

/** Tenths of a percent by which `now` differs from `before`, rounded; null where there was nothing before. */
export function changePerMille(now, before) {
  if (before <= 0n) return null;
  const scaled = ((now - before) * 2_000n) / before;
  return Number((scaled + (scaled < 0n ? -1n : 1n)) / 2n);
}

export function groupDigits(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

function divideHalfEven(dividend, divisor) {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}
