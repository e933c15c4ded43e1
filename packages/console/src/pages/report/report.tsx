/** The report of one customer: what a month or some days cost, why, and whether it adds up. */
import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { queries } from '../../api/queries.js';
import { Awaited } from '../../parts/awaited.js';
import { clockTime, isoDayOf, rangeOf } from '../../parts/calendar.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { Empty } from '../../parts/empty.js';
import { PageHead } from '../../parts/page-head.js';
import { nowSeconds, periodAt } from '../../parts/times.js';
import { Downloads } from './downloads.js';
import { Badges, Books } from './books.js';
import { CreditsChart, TotalChart } from './charts.js';
import { computeReport, type Loaded, type ReportOf } from './compute.js';
import { Controls } from './controls.js';
import { DailyChart } from './daily-chart.js';
import { Refusals } from './refusals.js';
import { reportQuery, viewOf } from './load.js';
import { GrantsTable, MetersTable } from './tables.js';
import { reportRoute } from './route.js';
import { Tiles } from './tiles.js';
import { UsageTable } from './usage-table.js';

export function Report() {
  const { entity } = reportRoute.useParams();
  const { month, from, to } = reportRoute.useSearch();
  const view = viewOf({ month, from, to });
  const found = useQuery(reportQuery(entity, view));
  // While a month loads, and where it cannot be loaded, another one can be chosen.
  const period = found.data?.balance.period ?? periodAt(nowSeconds());
  const range = found.data?.range ?? rangeOf(view ?? { month: period }, nowSeconds());
  return (
    <>
      <PageHead
        title={entity}
        windowTitle={`Costs of ${entity}`}
        lead={found.data === undefined ? 'Costs' : <AsOf loaded={found.data} />}
      >
        <button type="button" onClick={() => void queries.invalidateQueries()}>
          Refresh
        </button>
      </PageHead>
      <CustomerTabs entity={entity} />
      <div className="toolbar">
        <Controls range={range} current={period} />
        {found.data !== undefined && <Downloads loaded={found.data} />}
      </div>
      <Awaited of={found} lines={14}>
        {(loaded) => <Loaded loaded={loaded} />}
      </Awaited>
    </>
  );
}

function AsOf({ loaded: { activity } }: { loaded: Loaded }) {
  const { newest_usage_at: newest, as_of: asOf } = activity;
  const moment = (at: number) =>
    isoDayOf(at) === isoDayOf(asOf) ? clockTime(at) : `${isoDayOf(at)} ${clockTime(at)}`;
  return (
    <span id="as-of">
      Data as of {isoDayOf(asOf)} {clockTime(asOf)} ·{' '}
      {newest === null ? 'no usage yet' : `latest usage ${moment(newest)}`}
    </span>
  );
}

function Loaded({ loaded }: { loaded: Loaded }) {
  const { by = 'model', show = 'cost' } = reportRoute.useSearch();
  const report = useMemo(() => computeReport(loaded, { by, show }), [loaded, by, show]);
  const navigate = reportRoute.useNavigate();
  const onDay = useCallback(
    (day: string) =>
      void navigate({
        to: '/customers/$entity/events',
        params: { entity: loaded.balance.entity },
        search: { from: day, to: day },
      }),
    [navigate, loaded.balance.entity],
  );
  const isEmpty = report.rows.length === 0;
  return (
    <>
      <Refusals report={report} />
      <Badges report={report} />
      <Tiles report={report} />
      <Books report={report} />
      {isEmpty ? (
        <NothingUsed report={report} />
      ) : (
        <DailyChart report={report} by={by} show={show} onDay={onDay} />
      )}
      <div className="grid">
        <TotalChart report={report} />
        {report.grants.length > 0 && <CreditsChart report={report} />}
      </div>
      {!isEmpty && <MetersTable report={report} />}
      {!isEmpty && <UsageTable report={report} show={show} />}
      <GrantsTable report={report} />
    </>
  );
}

function NothingUsed({ report: { range, activity, balance } }: { report: ReportOf }) {
  const navigate = reportRoute.useNavigate();
  const { newest_usage_at: newest, entity } = activity;
  const title = `${entity} used nothing in ${range.name} (UTC).`;
  if (newest === null)
    return (
      <div className="card">
        <Empty title={title}>
          It has never used anything: usage shows here seconds after its first request.
        </Empty>
      </div>
    );
  const month = isoDayOf(newest).slice(0, 7);
  const shown = month > balance.period ? balance.period : month;
  return (
    <div className="card" id="nothing-used">
      <Empty title={title}>
        Its latest usage is of {shown}.{' '}
        <button
          type="button"
          onClick={() =>
            void navigate({
              search: (before) => ({ ...before, month: shown, from: undefined, to: undefined }),
            })
          }
        >
          Show {shown}
        </button>
      </Empty>
    </div>
  );
}
