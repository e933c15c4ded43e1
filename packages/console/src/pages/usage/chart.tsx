/** The largest groups over time, and the others as one. */
import { useMemo } from 'react';
import { isoDayOf, shortDay } from '../../parts/calendar.js';
import { Chart, type ChartData } from '../../parts/chart.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { compact, measured, type Measure } from '../../parts/words.js';
import { drawnUsd, groupDigits } from '../../parts/money.js';
import { monthName } from '../../parts/times.js';
import type { Explored } from './explored.js';
import { measureOfRow, nameIn, sumRows, type GroupRow } from './groups.js';

/** As many as there are colours. */
const SERIES_MAX = 6;

type ChartProps = { of: Explored; rows: readonly GroupRow[]; starts: readonly number[] };

export function UsageChart({ of, rows, starts }: ChartProps) {
  const { groups, show, width } = of;
  const series = useMemo(() => seriesOf(rows, groups), [rows, groups]);
  const labels = useMemo(() => starts.map((at) => bucketName(at, width)), [starts, width]);
  const data = useMemo<ChartData>(
    () => ({
      kind: 'stacked bars',
      labels,
      series: series.map(({ label, row, colour }) => ({
        label,
        colour,
        values: starts.map((at) => drawn(row.buckets.get(at) ?? 0n, show)),
        texts: starts.map((at) => measured(row.buckets.get(at) ?? 0n, show)),
      })),
      textOf: (value) => compact(value, show),
    }),
    [labels, series, starts, show],
  );
  if (rows.length === 0) return null;
  const sum = series.reduce((all, { row }) => all + measureOfRow(row, show), 0n);
  return (
    <section className="card stack" aria-label="Usage over time">
      <Chart
        title="Usage over time"
        description={`Bars over time: ${measured(sum, show)} of ${show} in all, most of it by ${series[0]?.label ?? 'nothing'}.`}
        data={data}
      >
        <BucketTable series={series} starts={starts} labels={labels} show={show} />
      </Chart>
      <ul className="legend" aria-label="Groups, largest first">
        {series.map(({ label, row, colour }) => (
          <li key={label}>
            <i aria-hidden="true" style={{ background: `var(${colour})` }} />
            <span>
              {label} <b>{measured(measureOfRow(row, show), show)}</b>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

type SeriesRow = { readonly label: string; readonly row: GroupRow; readonly colour: string };

function seriesOf(rows: readonly GroupRow[], groups: readonly string[]): SeriesRow[] {
  const count = rows.length <= SERIES_MAX ? rows.length : SERIES_MAX - 1;
  const largest = rows.slice(0, count).map((row, index) => ({
    label: row.names.map((name, at) => nameIn(groups[at] ?? '', name)).join(', '),
    row,
    colour: `--series-${index}`,
  }));
  const rest = rows.slice(count);
  if (rest.length === 0) return largest;
  return [
    ...largest,
    { label: `Others (${groupDigits(rest.length)})`, row: sumRows(rest, []), colour: '--series-other' },
  ];
}

function drawn(value: bigint, show: Measure): number {
  return show === 'cost' ? drawnUsd(value) : Number(value);
}

function bucketName(at: number, width: '1h' | '1d' | '1mo'): string {
  const day = isoDayOf(at);
  if (width === '1mo') return monthName(day.slice(0, 7));
  return width === '1d'
    ? shortDay(day)
    : `${shortDay(day)} ${new Date(at * 1_000).toISOString().slice(11, 16)}`;
}

type Bucket = { readonly at: number; readonly label: string };

function BucketTable(of: {
  series: readonly SeriesRow[];
  starts: readonly number[];
  labels: readonly string[];
  show: Measure;
}) {
  const { series, starts, labels, show } = of;
  const rows = useMemo(
    () => starts.map((at, index) => ({ at, label: labels[index] ?? '' })),
    [starts, labels],
  );
  const columns = useMemo<Column<Bucket>[]>(
    () => [
      { id: 'at', header: 'Time (UTC)', width: 9, cell: ({ label }) => label },
      ...series.map(({ label, row }, at) => ({
        id: `series-${at}`,
        header: label,
        isNumber: true,
        width: 11,
        cell: (bucket: Bucket) => measured(row.buckets.get(bucket.at) ?? 0n, show),
      })),
    ],
    [series, show],
  );
  return <DataTable label="Usage over time" columns={columns} rows={rows} keyOf={({ at }) => String(at)} />;
}
