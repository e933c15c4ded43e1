/**
 * Amounts in NUMERIC(38,0) columns, as Prisma's typed client gives and takes them. A Decimal holds every digit of what it was made
 * from, but its arithmetic rounds to 20 digits: nothing is ever computed with it.
 */
import { Prisma } from './prisma/client.js';

/** The column's value. Throws a RangeError for a value that is no whole number. */
export function bigintOf(value: Prisma.Decimal): bigint {
  return BigInt(value.toFixed());
}

export function bigintOrNull(value: Prisma.Decimal | null): bigint | null {
  return value === null ? null : bigintOf(value);
}

export function decimalOf(value: bigint): Prisma.Decimal {
  return new Prisma.Decimal(String(value));
}

export function decimalOrNull(value: bigint | null): Prisma.Decimal | null {
  return value === null ? null : decimalOf(value);
}
