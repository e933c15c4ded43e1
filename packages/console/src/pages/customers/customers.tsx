/** Every customer on one page, those that run out first on top. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { reading, type Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import { Awaited } from '../../parts/awaited.js';
import { DataTable } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { SelectBox } from '../../parts/select-box.js';
import { allOf, paging, rowsOf } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { exactUsd, groupDigits, picosOf, picosOrNull, sumPicos } from '../../parts/money.js';
import { may } from '../../session/permissions.js';
import { useSignedIn } from '../../session/session.js';
import { AddCustomer } from './add-customer.js';
import { Change, CUSTOMER_COLUMNS, runsOutSoon, SHOWN_COLUMNS } from './columns.js';
import { isRefused, STATE_WORDS } from './customer-state.js';
import { customersInit, customersRoute, STATES, type CustomersSort } from './route.js';

type Customer = Schemas['Customer'];

const ALL = '';

export function Customers() {
  const search = customersRoute.useSearch();
  const navigate = customersRoute.useNavigate();
  const { sort = 'credits_until', ...filter } = search;
  const change = useCallback(
    (changes: Partial<typeof search>) =>
      void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const setSearch = useCallback((typed: string) => change({ search: typed || undefined }), [change]);
  const init = customersInit(search);
  const found = useInfiniteQuery(paging('/v1/entities', init));
  const rows = useMemo(() => rowsOf(found.data?.pages ?? []), [found.data]);
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = found;
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  return (
    <>
      <PageHead title="Customers" lead={leadOf(sort)}>
        <AddCustomer />
        <CsvButton
          fileName="customers.csv"
          columns={CUSTOMER_COLUMNS}
          load={() => allOf('/v1/entities', init)}
        />
      </PageHead>
      <div className="row">
        <SearchBox label="Search by name" value={filter.search ?? ''} onChange={setSearch} />
        <PlanSelect value={filter.plan ?? ALL} onChange={(plan) => change({ plan: plan || undefined })} />
        <SelectBox
          label="State"
          value={filter.state ?? ALL}
          options={[
            { value: ALL, label: 'All states' },
            ...STATES.map((state) => ({ value: state, label: STATE_WORDS[state] })),
          ]}
          onChange={(chosen) => change({ state: STATES.find((state) => state === chosen) })}
        />
      </div>
      <Awaited of={found} lines={12}>
        {({ pages }) => (
          <>
            <Totals totals={pages[0]!.totals} soon={rows.filter(runsOutSoon).length} />
            <div className="card">
              <DataTable
                label="Customers"
                columns={SHOWN_COLUMNS}
                rows={rows}
                keyOf={({ entity }) => entity}
                sort={sort}
                onSort={(next) => change({ sort: next as CustomersSort })}
                isSorted
                total={pages[0]!.totals.entities}
                totals={totalsOf(pages[0]!.totals, hasNextPage ? null : rows)}
                onEnd={hasNextPage && !isFetchingNextPage ? more : undefined}
                toneOf={(row) => (isRefused(row) ? 'bad' : undefined)}
                empty={<NoCustomers isFiltered={Object.keys(filter).length > 0} />}
              />
            </div>
          </>
        )}
      </Awaited>
    </>
  );
}

function leadOf(sort: CustomersSort): string {
  const units = 'Amounts in US dollars, days in UTC.';
  return sort === 'credits_until' ? `${units} Those whose credits end first are at the top.` : units;
}

/** What only the rows have is summed where all of them are there. A customer without a forecast, or while nobody can say, adds nothing. */
function totalsOf(totals: Schemas['CustomerTotals'], rows: readonly Customer[] | null) {
  const sum = (of: (row: Customer) => string | null) => {
    const known = rows?.filter((row) => of(row) !== null) ?? [];
    if (known.length === 0) return null;
    return <Amount usd={sumPicos(known, (row) => picosOrNull(of(row)) ?? 0n)} />;
  };
  return {
    entity: 'Total',
    month_to_date_usd: <Amount usd={totals.month_to_date_usd} />,
    change_usd:
      rows === null ? null : <Change usd={exactUsd(sumPicos(rows, ({ change_usd: usd }) => picosOf(usd)))} />,
    credits_usd: <Amount usd={totals.credits_usd} />,
    held_usd: sum(({ held_usd: usd }) => usd),
    denied_requests: rows?.reduce((count, { denied_requests: denied }) => count + (denied ?? 0), 0),
    forecast_usd: sum(({ forecast_usd: usd }) => usd),
  };
}

function Totals({ totals, soon }: { totals: Schemas['CustomerTotals']; soon: number }) {
  const { states } = totals;
  return (
    <section className="tiles" aria-label="All customers of the filter">
      <Tile title="Customers" figure={groupDigits(totals.entities)}>
        {soon > 0
          ? `${soon} of those below ${soon === 1 ? 'has run out or runs' : 'have run out or run'} out within seven days`
          : 'None below has run out or runs out within seven days'}
      </Tile>
      <Tile title="This month" figure={<Amount usd={totals.month_to_date_usd} />}>
        <Amount usd={totals.previous_month_usd} /> the month before
      </Tile>
      <Tile title="Credits left" figure={<Amount usd={totals.credits_usd} />}>
        <OfState state="overage">{groupDigits(states.overage)} in overage</OfState>
      </Tile>
      <Tile title="Refused now" figure={groupDigits(states.cap_reached + states.out_of_credits)}>
        <OfState state="cap_reached">{groupDigits(states.cap_reached)} at a cap</OfState>,{' '}
        <OfState state="out_of_credits">{groupDigits(states.out_of_credits)} out of credits</OfState>
      </Tile>
    </section>
  );
}

function Tile({
  title,
  figure,
  children,
}: {
  title: string;
  figure: React.ReactNode;
  children: React.ReactNode;
}) {
  return (
    <div className="tile">
      <h2>{title}</h2>
      <p className="figure">{figure}</p>
      <p className="quiet">{children}</p>
    </div>
  );
}

/** A count that lists its customers. */
function OfState({ state, children }: { state: Schemas['CustomerState']; children: React.ReactNode }) {
  return (
    <Link from="/customers" to="." search={(before) => ({ ...before, state })} replace>
      {children}
    </Link>
  );
}

/** Only an admin may list plans; others write the plan's name into the address. */
function PlanSelect(props: { value: string; onChange: (plan: string) => void }) {
  const { role } = useSignedIn();
  return may(role, 'GET /v1/admin/plans') ? <AdminsPlanSelect {...props} /> : null;
}

function AdminsPlanSelect({ value, onChange }: { value: string; onChange: (plan: string) => void }) {
  const { data } = useQuery(reading('/v1/admin/plans', { params: { query: { limit: 100 } } }));
  const names = new Set([...(data?.data.map(({ plan }) => plan) ?? []), ...(value === ALL ? [] : [value])]);
  const options = [
    { value: ALL, label: 'All plans' },
    ...[...names].map((name) => ({ value: name, label: name })),
  ];
  return <SelectBox label="Plan" value={value} options={options} onChange={onChange} />;
}

function NoCustomers({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered)
    return <Empty title="No customer matches the filter">Change the search, the plan or the state.</Empty>;
  return (
    <Empty title="No customer yet">
      One appears here with its first request, or when an admin creates it.
    </Empty>
  );
}
