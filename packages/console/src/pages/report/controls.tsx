/** Chooses a month or days for the report; the address keeps the choice. */
import { useState } from 'react';
import { addDays, addMonths, type ShownRange } from '../../parts/calendar.js';
import { DayInput } from '../../parts/day-input.js';
import { SelectBox } from '../../parts/select-box.js';
import { monthName } from '../../parts/times.js';
import { reportRoute } from './route.js';

const MONTHS_BACK = 24;
const RANGE_DAYS_MAX = 366;

export function Controls({ range, current }: { range: ShownRange; current: string }) {
  const navigate = reportRoute.useNavigate();
  const shown = range.month ?? range.start.slice(0, 7);
  const toMonth = (month: string) =>
    void navigate({ search: (before) => ({ ...before, month, from: undefined, to: undefined }) });
  const months = Array.from({ length: MONTHS_BACK }, (_, back) => addMonths(current, -back));
  const options = [
    ...(range.month === null ? [{ value: '', label: range.name }] : []),
    ...[...new Set([...months, ...(range.month === null ? [] : [range.month])])]
      .sort()
      .toReversed()
      .map((month) => ({ value: month, label: monthName(month) })),
  ];
  return (
    <>
      <div className="row">
        <button type="button" aria-label="Previous month" onClick={() => toMonth(addMonths(shown, -1))}>
          ‹
        </button>
        <SelectBox
          label="Month (UTC)"
          isLabelHidden
          value={range.month ?? ''}
          options={options}
          onChange={(month) => month !== '' && toMonth(month)}
        />
        <button
          type="button"
          aria-label="Next month"
          disabled={shown >= current}
          onClick={() => toMonth(addMonths(shown, 1))}
        >
          ›
        </button>
      </div>
      <DaysForm key={`${range.start} ${range.end}`} range={range} />
    </>
  );
}

function DaysForm({ range }: { range: ShownRange }) {
  const navigate = reportRoute.useNavigate();
  const [from, setFrom] = useState(range.start);
  const [to, setTo] = useState(addDays(range.end, -1));
  const [problem, setProblem] = useState('');
  const apply = () => {
    const found = rangeProblem(from, to);
    setProblem(found);
    if (found === '') void navigate({ search: (before) => ({ ...before, from, to, month: undefined }) });
  };
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <DayInput label="From" value={from} describedBy="days-problem" onChange={setFrom} />
      <DayInput label="to" value={to} describedBy="days-problem" onChange={setTo} />
      <button type="submit">Show days</button>
      <span id="days-problem" className="error" role="alert">
        {problem}
      </span>
    </form>
  );
}

function rangeProblem(from: string, to: string): string {
  if (from === '' || to === '') return 'Write both days as 2026-11-29: year, month, day.';
  if (from > to) return 'The last day lies before the first.';
  return addDays(from, RANGE_DAYS_MAX) <= to ? `At most ${RANGE_DAYS_MAX} days at once.` : '';
}
