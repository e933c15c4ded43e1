/** Cost, tokens or requests by day. What is drawn is rounded; labels and the table have the exact numbers. */
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Amount } from '../../parts/amount.js';
import { addDays, shortDay } from '../../parts/calendar.js';
import { Chart, type ChartData } from '../../parts/chart.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { compact, measured, MEASURE_LABELS, MEASURES, type Measure } from '../../parts/words.js';
import { drawnUsd } from '../../parts/money.js';
import { Segmented } from '../../parts/segmented.js';
import type { ReportOf } from './compute.js';
import { reportRoute } from './route.js';
import { measureOf, TAIL, type Daily, type Group } from './sums.js';

type DayLine = { readonly day: string; readonly index: number };

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
      <Legend report={report} by={by} show={show} />
    </section>
  );
}

function Legend({ report, by, show }: Omit<DailyProps, 'onDay'>) {
  return (
    <ul className="legend" aria-label="Groups, largest first">
      {report.daily.groups.map((group, index) => (
        <li key={group.name} data-group={group.name}>
          <i aria-hidden="true" style={{ background: `var(${colourOf(group, index)})` }} />
          <span>
            {group.isTail ? <TailLink report={report} by={by} count={group.count} /> : groupName(group.name)}{' '}
            <b>{measured(measureOf(group.total, show), show)}</b>
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Opens the groups behind `Other`. */
function TailLink({
  report: { balance, range },
  by,
  count,
}: Pick<DailyProps, 'report' | 'by'> & { count: number }) {
  return (
    <Link
      to="/customers/$entity/usage"
      params={{ entity: balance.entity }}
      search={{ by, from: range.start, to: addDays(range.end, -1), top: 'all' }}
    >
      Other ({count})
    </Link>
  );
}

function drawn(value: bigint, show: Measure): number {
  return show === 'cost' ? drawnUsd(value) : Number(value);
}

function colourOf(group: Group, index: number): string {
  return group.isTail ? '--series-other' : `--series-${index % 6}`;
}

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
            aria-label={`Events of ${day}`}
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
