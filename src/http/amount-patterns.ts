/** Amounts of money as regular expressions, for the document: without what not every client's language reads, such as a lookahead. */

const DECIMALS_MAX = 12;
/** Dollars that an amount may be at most: one trillion. */
const DIGITS_MAX = 12;

/** Decimal strings from 0 to 10 to the power of `digits`, with at most so many decimals. */
export function amountUpTo(digits: number, decimals: number): string {
  return `(?:[0-9]{1,${digits}}(?:\\.[0-9]{1,${decimals}})?|10{${digits}}(?:\\.0{1,${decimals}})?)`;
}

/** Any amount that a request may name. */
export const AMOUNT = amountUpTo(DIGITS_MAX, DECIMALS_MAX);

/** The same without zero. */
export const AMOUNT_ABOVE_ZERO = `(?:[1-9][0-9]{0,${DIGITS_MAX - 1}}(?:\\.[0-9]{1,${DECIMALS_MAX}})?|0\\.${fraction(DECIMALS_MAX)}|10{${DIGITS_MAX}}(?:\\.0{1,${DECIMALS_MAX}})?)`;

/** 1 to `length` digits of which one is not 0: each place where the first such digit may stand. */
function fraction(length: number): string {
  const places = Array.from(
    { length },
    (_, zeros) => `${'0'.repeat(zeros)}[1-9][0-9]{0,${length - zeros - 1}}`,
  );
  return `(?:${places.join('|')})`;
}
