/** Filters of lists by time, in UTC. */
import { DayBox } from './day-box.js';

/** From and to, whole days in UTC; `to` is the last day that counts. */
export function DayRange({
  from,
  to,
  onChange,
}: {
  from: string | undefined;
  to: string | undefined;
  onChange: (range: { from?: string | undefined; to?: string | undefined }) => void;
}) {
  return (
    <div className="row days">
      <DayBox
        name="from"
        label="From (UTC)"
        value={from ?? ''}
        onChange={(day) => onChange({ from: day || undefined, to })}
      />
      <DayBox
        name="to"
        label="To (UTC)"
        value={to ?? ''}
        onChange={(day) => onChange({ from, to: day || undefined })}
      />
    </div>
  );
}

const DAY_SECONDS = 86_400;

/** The API's half-open range of whole days. */
export function secondsOfDays({ from, to }: { from?: string | undefined; to?: string | undefined }) {
  const startOf = (day: string) => Date.parse(`${day}T00:00:00Z`) / 1_000;
  return {
    ...(from !== undefined && { start_time: startOf(from) }),
    ...(to !== undefined && { end_time: startOf(to) + DAY_SECONDS }),
  };
}
