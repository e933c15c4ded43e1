/** Filters of lists by time, in UTC. */
import { TextBox } from './fields.js';

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
    <div className="row">
      <TextBox
        name="from"
        label="From (UTC)"
        type="date"
        value={from ?? ''}
        onChange={(day) => onChange({ from: day || undefined, to })}
      />
      <TextBox
        name="to"
        label="To (UTC)"
        type="date"
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
