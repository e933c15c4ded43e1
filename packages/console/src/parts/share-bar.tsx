/** How much of a limit is used, as a bar with its numbers in words. */
import { perMilleOf, readableUsd, roundUsd } from './money.js';
import { percentText } from './words.js';

export function ShareBar({ label, used, limit }: { label: string; used: bigint; limit: bigint }) {
  const perMille = perMilleOf(used, limit) ?? 1_000;
  const tone = perMille >= 1_000 ? 'over' : perMille >= 800 ? 'near' : '';
  const text = `${readableUsd(used)} of ${roundUsd(limit)}, ${percentText(perMille)}`;
  return (
    <div
      className={`share ${tone}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.min(perMille, 1_000) / 10}
      aria-valuetext={text}
      title={text}
    >
      <span style={{ inlineSize: `${Math.min(perMille, 1_000) / 10}%` }} />
    </div>
  );
}
