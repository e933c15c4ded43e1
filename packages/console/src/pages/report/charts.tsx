/** The three charts. What is drawn is rounded; labels and the tables below have the exact numbers. */
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Amount } from '../../parts/amount.js';
import { shortDay } from '../../parts/calendar.js';
import { Chart, type ChartData, type Series } from '../../parts/chart.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { compact, measured, MEASURE_LABELS, MEASURES, type Measure } from '../../parts/words.js';
import { drawnUsd, picosOf, readableUsd } from '../../parts/money.js';
import { Segmented } from '../../parts/segmented.js';
import { plural } from '../../parts/times.js';
import type { ReportOf } from './compute.js';
import { reportRoute } from './route.js';
import { isFarAbove, measureOf, TAIL, type Daily, type Group } from './sums.js';

type DailyProps = {
  readonly report: ReportOf;
  readonly by: 'model' | 'project';
  readonly show: Measure;
  readonly onDay: (day: string) => void;
};

function groupName(name: string): string {
  return name === TAIL ? 'Other' : name;
}

export function DailyChart({ report, by, show, onDay }: DailyProps) {
  const navigate = reportRoute.useNavigate();
  const { daily, range, balance } = report;
  const data = useMemo<ChartData>(
    () => ({
      kind: 'stacked bars',
      labels: daily.days.map(shortDay),
      series: daily.groups.map((group, index) => ({
        label: groupName(group.name),
        values: group.days.map((sum) => drawn(measureOf(sum, show), show)),
        texts: group.days.map((sum) => measured(measureOf(sum, show), show)),
        colour: colourOf(group, index),
      })),
      textOf: (value) => compact(value, show),
      onChoose: (index) => onDay(daily.days[index]!),
    }),
    [daily, show, onDay],
  );
  const sum = daily.totals.reduce((all, each) => all + measureOf(each, show), 0n);
  const [largest] = daily.groups;
  const most = largest === undefined ? '' : `, most of it by ${groupName(largest.name)}`;
  return (
    <section className="card" aria-labelledby="daily-title" id="daily">
      <div className="card-head">
        <h2 id="daily-title">By day</h2>
        <div className="row">
          <Segmented
            label="Group by"
            value={by}
            options={[
              { value: 'model', label: 'By model' },
              { value: 'project', label: 'By project' },
            ]}
            onChange={(next) =>
              void navigate({ search: (before) => ({ ...before, by: next }), replace: true })
            }
          />
          <Segmented
            label="Measure"
            value={show}
            options={MEASURES.map((value) => ({ value, label: MEASURE_LABELS[value] }))}
            onChange={(next) =>
              void navigate({ search: (before) => ({ ...before, show: next }), replace: true })
            }
          />
        </div>
      </div>
      <p className="quiet">Days in UTC, on which the usage occurred. Choose a bar for its events.</p>
      <Chart
        title="Usage by day"
        description={`Bars by day, ${range.name}: ${measured(sum, show)} of ${show} in all${most}. The table has every day.`}
        data={data}
      >
        <DailyTable report={report} show={show} entity={balance.entity} />
      </Chart>
      <ul className="legend" aria-label="Groups, largest first">
        {daily.groups.map((group, index) => (
          <li key={group.name} data-group={group.name}>
            <i aria-hidden="true" style={{ background: `var(${colourOf(group, index)})` }} />
            <span>
              {groupName(group.name)}
              {group.isTail && ` (${group.count})`} <b>{measured(measureOf(group.total, show), show)}</b>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function drawn(value: bigint, show: Measure): number {
  return show === 'cost' ? drawnUsd(value) : Number(value);
}

function colourOf(group: Group, index: number): string {
  return group.isTail ? '--series-other' : `--series-${index % 6}`;
}

type DayLine = { readonly day: string; readonly index: number };

function DailyTable({ report, show, entity }: { report: ReportOf; show: Measure; entity: string }) {
  const { daily } = report;
  const columns = useMemo(() => dayColumns(daily, show, entity), [daily, show, entity]);
  const rows = useMemo(() => daily.days.map((day, index) => ({ day, index })), [daily]);
  return <DataTable label="Usage by day" columns={columns} rows={rows} keyOf={({ day }) => day} />;
}

function dayColumns(daily: Daily, show: Measure, entity: string): Column<DayLine>[] {
  return [
    {
      id: 'day',
      header: 'Day (UTC)',
      width: 9,
      cell: ({ day, index }) =>
        daily.totals[index]?.requests === 0 ? (
          day
        ) : (
          <Link
            to="/customers/$entity/events"
            params={{ entity }}
            search={{ from: day, to: day }}
            data-day={day}
            aria-label={`Events of ${shortDay(day)}`}
          >
            {day}
          </Link>
        ),
    },
    ...daily.groups.map((group, at) => ({
      id: `group-${at}`,
      header: groupName(group.name),
      isNumber: true,
      width: 11,
      cell: ({ index }: DayLine) => <Shown value={measureOf(group.days[index]!, show)} show={show} />,
    })),
    {
      id: 'total',
      header: 'Total',
      isNumber: true,
      cell: ({ index }) => <Shown value={measureOf(daily.totals[index]!, show)} show={show} />,
    },
  ];
}

function Shown({ value, show }: { value: bigint; show: Measure }) {
  if (value === 0n) return <span className="quiet">–</span>;
  return show === 'cost' ? <Amount usd={value} /> : <span className="amount">{measured(value, show)}</span>;
}

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
            lineOf('At the most', forecast.high, { colour: '--series-other', isDashed: true }),
            lineOf('At the least', forecast.low, { colour: '--series-other', isDashed: true }),
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
        Usage on the day it occurred, {range.name}, UTC.{far}
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
        {series.map(({ label, colour = '--series-0' }) => (
          <li key={label}>
            <i style={{ background: `var(${colour})` }} />
            {label}
          </li>
        ))}
      </ul>
    </>
  );
}
