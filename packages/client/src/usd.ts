/** Amounts on the wire, in nanodollars: integers below 2^53, which a decision adds up without a bigint. */

const PICOS_PER_USD = 10n ** 12n;
const NANOS_PER_USD = 1_000_000_000;

/** Exact. */
export function readUsd(usd: string): bigint {
  const [whole = '', fraction = ''] = usd.split('.');
  return BigInt(whole) * PICOS_PER_USD + BigInt(fraction.padEnd(12, '0'));
}

/** Rounded down. */
export function nanosOf(usd: string): number {
  return Number(readUsd(usd) / 1_000n);
}

export function usdOf(nanos: number): string {
  const fraction = String(nanos % NANOS_PER_USD).padStart(9, '0');
  return `${Math.floor(nanos / NANOS_PER_USD)}.${fraction}`;
}
