/** How many of something. */
import { groupDigits } from './money.js';

export function Count({ of }: { of: number | null }) {
  if (of === null) return <span className="quiet">–</span>;
  return <span className="amount">{groupDigits(of)}</span>;
}
