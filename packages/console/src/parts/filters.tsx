/** What narrows a list: texts that are sent once the typing pauses, and times in UTC. */
import { SearchBox, TextBox } from './fields.js';

/** A small text filter with its name in sight. */
export function FilterBox(props: { label: string; value: string; onChange: (value: string) => void }) {
  return <SearchBox {...props} />;
}

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
    <>
      <TextBox name="from" label="From (UTC)" type="date" value={from ?? ''} onChange={(day) => onChange({ from: day || undefined, to })} />
      <TextBox name="to" label="To (UTC)" type="date" value={to ?? ''} onChange={(day) => onChange({ from, to: day || undefined })} />
    </>
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
