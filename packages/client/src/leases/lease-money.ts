/** Amounts of a lease: decimal strings of US dollars on the wire, nanodollars here, which add up without a bigint. */
import { formatUsd, picosFromNanos, picosFromUsd, PICOS_PER_NANO } from '../protocol/money.js';

/** Rounded down. */
export function nanosOf(usd: string): number {
  const nanos = picosFromUsd(usd) / PICOS_PER_NANO;
  return Number(nanos);
}

export function usdOf(nanos: number): string {
  return formatUsd(picosFromNanos(nanos));
}
