/** The charts of the running total and of credits. What is drawn is rounded; labels and the tables below have the exact numbers. */
import { useMemo } from 'react';
import { Amount } from '../../parts/amount.js';
import { shortDay } from '../../parts/calendar.js';
import { Chart, type ChartData, type Series } from '../../parts/chart.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { compact } from '../../parts/words.js';
import { drawnUsd, picosOf, readableUsd } from '../../parts/money.js';
import { monthName, plural } from '../../parts/times.js';
import type { ReportOf } from './compute.js';
import { isFarAbove } from './sums.js';

type DayLine = { readonly day: string; readonly index: number };

type Line = readonly (bigint | null)[];
const lineOf = (label: string, values: Line, more: Partial<Series> = {}): Series => ({
  label,
  values: values.map((picos) => (picos === null ? null : drawnUsd(picos))),
  texts: values.map((picos) => (picos === null ? '' : readableUsd(picos))),
  ...more,
});

export function TotalChart({ report }: { report: ReportOf }) {
  const { lines, range, cap } = report;
  const limit = cap?.name === 'monthly' ? cap.limit : null;
  const isFar = isFarAbove(limit, lines);
  const series = useMemo(() => {
    const { forecast } = lines;
    return [
      lineOf('Total so far', lines.running),
      ...(forecast === null
        ? []
        : [
            lineOf('Forecast', forecast.middle, { colour: '--series-0', isDashed: true }),
            lineOf('At most', forecast.high, { colour: '--series-other', isDashed: true }),
            lineOf('At least', forecast.low, { colour: '--series-other', isDashed: true }),
          ]),
      ...(limit === null || isFar
        ? []
        : [
            lineOf(
              'Monthly cap',
              lines.days.map(() => limit),
              { colour: '--series-4', isDashed: true },
            ),
          ]),
    ];
  }, [lines, limit, isFar]);
  const running = lines.running.findLast((value) => value !== null) ?? 0n;
  const far = isFar && limit !== null ? ` The cap of ${readableUsd(limit)} is far above.` : '';
  return (
    <section className="card" aria-labelledby="total-title">
      <h2 id="total-title">Running total</h2>
      <p className="quiet">
        Usage on the day it occurred, {range.name}, UTC.{far} <LateFirst report={report} />
      </p>
      <LinesChart
        title="Running total"
        description={`Running total of cost, ${range.name}: ${readableUsd(running)}.`}
        days={lines.days}
        series={series}
      />
    </section>
  );
}

/** Why the line of the current month does not start at zero. */
function LateFirst({ report: { lines, late } }: { report: ReportOf }) {
  if (lines.late === 0n) return null;
  const months = late.fromElsewhere.map(({ month }) => monthName(month)).join(' and ');
  return (
    <>
      It starts with <Amount usd={lines.late} /> of late usage of {months}.
    </>
  );
}

export function CreditsChart({ report }: { report: ReportOf }) {
  const { creditLines, balance } = report;
  const { days, left, ahead } = creditLines;
  const goesOn = ahead.some((picos) => picos !== null);
  const series = useMemo(
    () => [
      lineOf('Credits left', left, { colour: '--series-2' }),
      ...(goesOn
        ? [lineOf('At the pace of the last seven days', ahead, { colour: '--series-2', isDashed: true })]
        : []),
    ],
    [left, ahead, goesOn],
  );
  return (
    <section className="card" aria-labelledby="credits-title">
      <h2 id="credits-title">Credits</h2>
      <p className="quiet">
        At each day’s end.{goesOn ? ' The dashed line goes on at the pace of the last seven days.' : ''}
      </p>
      <LinesChart
        title="Credits by day"
        description={`Credits left over ${plural(days.length, 'day')}: ${readableUsd(picosOf(balance.credits_usd))} now.`}
        days={days}
        series={series}
      />
    </section>
  );
}

function LinesChart(of: {
  title: string;
  description: string;
  days: readonly string[];
  series: readonly Series[];
}) {
  const { title, description, days, series } = of;
  const data = useMemo<ChartData>(
    () => ({ kind: 'lines', labels: days.map(shortDay), series, textOf: (value) => compact(value, 'cost') }),
    [days, series],
  );
  const rows = useMemo(() => days.map((day, index) => ({ day, index })), [days]);
  const columns = useMemo<Column<DayLine>[]>(
    () => [
      { id: 'day', header: 'Day (UTC)', width: 9, cell: ({ day }) => day },
      ...series.map((line, at) => ({
        id: `line-${at}`,
        header: line.label,
        isNumber: true,
        cell: ({ index }: DayLine) => line.texts?.[index] || '–',
      })),
    ],
    [series],
  );
  return (
    <>
      <Chart title={title} description={description} data={data}>
        <DataTable label={title} columns={columns} rows={rows} keyOf={({ day }) => day} />
      </Chart>
      <ul className="legend" aria-hidden="true">
        {series.map(({ label, isDashed, colour = '--series-0' }) => (
          <li key={label}>
            <i className={isDashed ? 'line dashed' : 'line'} style={{ borderColor: `var(${colour})` }} />
            {label}
          </li>
        ))}
      </ul>
    </>
  );
}
