/** The model's own reading and printing of money, so that a mistake of the service's is not made twice. */

const PICOS_PER_USD = 1_000_000_000_000n;

export function picosOf(usd: string): bigint {
  const [whole = '0', fraction = ''] = usd.split('.');
  return BigInt(whole) * PICOS_PER_USD + BigInt(fraction.padEnd(12, '0'));
}

export function usdOf(picos: bigint): string {
  if (picos < 0n) return `-${usdOf(-picos)}`;
  const fraction = String(picos % PICOS_PER_USD).padStart(12, '0');
  return `${picos / PICOS_PER_USD}.${fraction}`.replace(/\.?0+$/, '');
}

export function usdOrNull(picos: bigint | null): string | null {
  return picos === null ? null : usdOf(picos);
}

/** A price per token as callers write it, per million tokens. */
export function usdPerMillionOf(picosPerToken: bigint): string {
  return usdOf(picosPerToken * 1_000_000n);
}
