/** The series that statements get their numbers from, without gaps, so that a missing statement is noticed. */
import type { Tx } from '../platform/database.js';

/**
 * The next number as it is printed: `ST-000123`. Its row stays locked until the transaction ends, so the number of one that rolls back
 * goes to the next statement and leaves no gap.
 */
export async function takeStatementNumber(tx: Tx): Promise<string> {
  const [row] = await tx.$queryRaw<[{ number: string }]>`
    update statement_series set last_number = last_number + 1
    where name = 'statement'
    returning prefix || lpad(last_number::text, greatest(6, length(last_number::text)), '0') as number`;
  return row.number;
}
