/** How a statement's number is printed: one series without gaps, so that a missing one is noticed. */

export function formatStatementNumber(number: bigint): string {
  return `ST-${number.toString().padStart(6, '0')}`;
}
