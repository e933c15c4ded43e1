/** The report's files: the days as CSV and the month's FOCUS rows; and a link to its statement. */
import { Link } from '@tanstack/react-router';
import { answered, api } from '../../api/client.js';
import { addMonths } from '../../parts/calendar.js';
import { toCsv, type CsvCell } from '../../parts/csv.js';
import { DownloadButton } from '../../parts/downloads.js';
import { exactUsd } from '../../parts/money.js';
import type { Loaded } from './compute.js';
import { othersUsed, readDays, type DayRow } from './sums.js';

export function Downloads({ loaded: { range, balance, activity } }: { loaded: Loaded }) {
  const { entity } = balance;
  const period = range.start.slice(0, 7);
  const isOneMonth = `${addMonths(period, 1)}-01` >= range.end;
  return (
    <div className="row push">
      <DownloadButton
        label="Days as CSV"
        fileName={`tally-${entity}-daily-${range.start}-to-${range.end}.csv`}
        load={async () => new Blob([toCsv(dailyCsv(readDays(activity.days)))], { type: 'text/csv' })}
      />
      {isOneMonth && <FocusButton entity={entity} period={period} />}
      <Link to="/customers/$entity/statements/$period" params={{ entity, period }} className="button">
        Statement
      </Link>
    </div>
  );
}

export function FocusButton({ entity, period }: { entity: string; period: string }) {
  return (
    <DownloadButton
      label="FOCUS CSV"
      fileName={`focus-${period}-${entity}.csv`}
      load={() =>
        answered(
          api.GET('/v1/exports/focus.csv', {
            params: { query: { period, entity } },
            parseAs: 'blob',
          }) as unknown as Promise<{ data: Blob }>,
        )
      }
    />
  );
}

export function dailyCsv(rows: readonly DayRow[]): CsvCell[][] {
  const others = othersUsed(rows);
  return [
    [
      'day_utc', 'project', 'model', 'requests', 'input_tokens', 'cached_input_tokens', 'output_tokens', 'cost_usd', 'credits_usd',
      ...others,
    ], // prettier-ignore
    ...rows.map((row) => [
      row.day,
      row.project,
      row.model,
      row.requests,
      row.input,
      row.cached,
      row.output,
      ...[row.picos, row.credits].map(exactUsd),
      ...others.map((meter) => row.others[meter] ?? 0),
    ]),
  ];
}
