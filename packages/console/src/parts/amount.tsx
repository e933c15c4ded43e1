/** An amount: rounded for reading, exact where the pointer rests, and exact for screen readers below a cent. */
import { exactUsd, picosOf, readableUsd } from './money.js';

export function Amount({ usd }: { usd: string | bigint | null }) {
  if (usd === null) return <span className="quiet">–</span>;
  const picos = typeof usd === 'bigint' ? usd : picosOf(usd);
  return (
    <span className="amount" title={`$${exactUsd(picos)} exactly`}>
      {readableUsd(picos)}
    </span>
  );
}
