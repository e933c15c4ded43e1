/**
 * Money is a bigint of picodollars (10^-12 US dollar), read from the decimal strings of the API. No sum in the console is ever a floating
 * point number; only the height of a bar is.
 */

export const PICOS_PER_USD = 10n ** 12n;

/** `"12.5"` → 12500000000000n. Throws for what is no amount. */
export function picosOf(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text);
  if (!match) throw new Error(`not an amount of dollars: ${text}`);
  const picos = BigInt(match[2] ?? '') * PICOS_PER_USD + BigInt((match[3] ?? '').padEnd(12, '0'));
  return match[1] === '-' ? -picos : picos;
}

export function picosOrNull(text: string | null): bigint | null {
  return text === null ? null : picosOf(text);
}

/** What a person typed: `$1,250.50` → its picodollars; null where it is no amount. */
export function typedPicos(text: string): bigint | null {
  const plain = text.trim().replace(/^\$/, '').replaceAll(',', '');
  return /^\d+(\.\d{1,12})?$/.test(plain) ? picosOf(plain) : null;
}

/** What a person wrote as `$1,250`, as the API takes it. A text that is no amount is sent as it is, and the API says what is wrong with it. */
export function plainAmount(typed: string): string {
  const picos = typedPicos(typed);
  return picos === null ? typed.trim() : exactUsd(picos);
}

/** The exact decimal without trailing zeros: 12500000000000n → `"12.5"`. */
export function exactUsd(picos: bigint): string {
  const digits = String(picos < 0n ? -picos : picos).padStart(13, '0');
  const fraction = digits.slice(-12).replace(/0+$/, '');
  return `${picos < 0n ? '-' : ''}${digits.slice(0, -12)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** `−$1,234.5`, every digit. */
export function exactText(picos: bigint): string {
  const [whole = '', ...fraction] = exactUsd(picos < 0n ? -picos : picos).split('.');
  return `${picos < 0n ? '−' : ''}$${[groupDigits(BigInt(whole)), ...fraction].join('.')}`;
}

/** `5.4` → `5.40`: a price as the API writes it, with cents at least. */
export function withCents(usd: string): string {
  const [whole = '', fraction = ''] = usd.split('.');
  return `${whole}.${fraction.padEnd(2, '0')}`;
}

/** Rounded for reading, half to even: to cents (or more decimals), and below a cent to the first two digits that are not zero. */
export function readableUsd(picos: bigint, decimalsMin = 2): string {
  const size = picos < 0n ? -picos : picos;
  const isSmall = size > 0n && size < PICOS_PER_USD / 100n;
  const decimals = isSmall ? Math.max(decimalsMin, Math.min(12, 14 - String(size).length)) : decimalsMin;
  const unit = 10n ** BigInt(12 - decimals);
  const rounded = divideHalfEven(size, unit);
  const scale = 10n ** BigInt(decimals);
  const fraction = String(rounded % scale).padStart(decimals, '0');
  return `${picos < 0n && rounded > 0n ? '−' : ''}$${groupDigits(rounded / scale)}.${fraction}`;
}

/** `$1,250` where there are no cents, otherwise as `readableUsd`: for limits and typed amounts, which are mostly round. */
export function roundUsd(picos: bigint): string {
  return picos % PICOS_PER_USD === 0n ? readableUsd(picos).replace(/\.00$/, '') : readableUsd(picos);
}

/** Picodollars per million tokens, rounded half to even; null where there are no tokens. */
export function picosPerMillion(picos: bigint, tokens: number): bigint | null {
  return tokens === 0 ? null : divideHalfEven(picos * 1_000_000n, BigInt(tokens));
}

/** Picodollars for one of a quantity above 0, rounded half to even. */
export function picosEach(picos: bigint, quantity: number): bigint {
  return divideHalfEven(picos, BigInt(quantity));
}

/** For the heights and lines of charts only. */
export function drawnUsd(picos: bigint): number {
  return Number(picos) / 1e12;
}

export function sumPicos<T>(items: readonly T[], picosOfItem: (item: T) => bigint): bigint {
  return items.reduce((sum, item) => sum + picosOfItem(item), 0n);
}

/** Tenths of a percent that `part` is of `whole`, rounded down; null of nothing. */
export function perMilleOf(part: bigint, whole: bigint): number | null {
  return whole <= 0n ? null : Number((part * 1_000n) / whole);
}

/** Tenths of a percent by which `now` differs from `before`, rounded; null where there was nothing before. */
export function changePerMille(now: bigint, before: bigint): number | null {
  if (before <= 0n) return null;
  const scaled = ((now - before) * 2_000n) / before;
  return Number((scaled + (scaled < 0n ? -1n : 1n)) / 2n);
}

export function groupDigits(number: bigint | number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}
