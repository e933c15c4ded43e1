/** A time in UTC. */
import { isoOf, minuteOf, nowSeconds, relative } from './times.js';

export function Moment({ at, isRelative = false }: { at: number | null; isRelative?: boolean }) {
  if (at === null) return <span className="quiet">–</span>;
  return (
    <time dateTime={isoOf(at)} title={isoOf(at)}>
      {isRelative ? relative(at, nowSeconds()) : <Minute at={at} />}
    </time>
  );
}

/** A line ends before the clock, never within it. */
function Minute({ at }: { at: number }) {
  const [day, clock] = minuteOf(at).split(', ');
  return (
    <>
      {day}, <span className="clock">{clock}</span>
    </>
  );
}
