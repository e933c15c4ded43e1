/** A time in UTC. */
import { isoOf, minuteOf, nowSeconds, relative } from './times.js';

export function Moment({ at, isRelative = false }: { at: number | null; isRelative?: boolean }) {
  if (at === null) return <span className="quiet">–</span>;
  return (
    <time dateTime={isoOf(at)} title={isoOf(at)}>
      {isRelative ? relative(at, nowSeconds()) : minuteOf(at)}
    </time>
  );
}
