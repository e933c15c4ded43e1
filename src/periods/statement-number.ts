/** How a statement's number is printed. The numbers are one series without gaps, so a missing statement is noticed. */

export function formatStatementNumber(number: bigint): string {
  return `ST-${number.toString().padStart(6, '0')}`;
}
