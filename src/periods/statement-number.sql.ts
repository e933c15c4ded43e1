/** The series that statements get their numbers from. */
import type { Tx } from '../platform/database.js';

/**
 * The next number. Its row stays locked until the transaction ends, so the number of one that rolls back goes to the next statement
 * and leaves no gap.
 */
export async function takeStatementNumber(tx: Tx): Promise<bigint> {
  const [row] = await tx.$queryRaw<[{ last_number: bigint }]>`
    update statement_series set last_number = last_number + 1
    where name = 'statement'
    returning last_number`;
  return row.last_number;
}
