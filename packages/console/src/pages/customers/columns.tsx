/** The columns of the list of customers. */
import type { Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import type { Column } from '../../parts/data-table.js';
import { Badge } from '../../parts/badge.js';
import { CustomerLink } from '../../parts/links.js';
import { picosOf, picosOrNull, readableUsd, roundUsd } from '../../parts/money.js';
import { ShareBar } from '../../parts/share-bar.js';
import { dayOf, duration, isoOf, nowSeconds } from '../../parts/times.js';
import { CustomerState, hasRunOut, limitWords } from './customer-state.js';

type Customer = Schemas['Customer'];

/** Customers that run out within this time are marked; so are those that are out. */
const SOON_SECONDS = 7 * 86_400;

export function runsOutSoon({ credits_until: until }: Customer): boolean {
  return until !== null && until - nowSeconds() < SOON_SECONDS;
}

export const CUSTOMER_COLUMNS: readonly Column<Customer>[] = [
  {
    id: 'entity',
    header: 'Customer',
    width: 10.6,
    cell: (row) => (
      <>
        <CustomerLink entity={row.entity} />
        <div className="quiet">{row.plan}</div>
        <CustomerState customer={row} />
      </>
    ),
    sortBy: ({ entity }) => entity,
    csv: ({ entity }) => entity,
  },
  { id: 'state', header: 'State', cell: ({ state }) => state, csv: ({ state }) => state },
  {
    id: 'plan',
    header: 'Plan',
    cell: ({ plan }) => plan,
    csv: ({ plan }) => plan,
  },
  {
    id: 'month_to_date_usd',
    header: 'This month',
    isNumber: true,
    width: 6.2,
    cell: ({ month_to_date_usd: usd }) => <Amount usd={usd} />,
    sortBy: ({ month_to_date_usd: usd }) => usd,
    csv: ({ month_to_date_usd: usd }) => usd,
  },
  {
    id: 'change_usd',
    header: 'Against last month',
    isNumber: true,
    width: 5.7,
    cell: ({ change_usd: usd }) => <Change usd={usd} />,
    sortBy: ({ change_usd: usd }) => usd,
    csv: ({ change_usd: usd }) => usd,
  },
  {
    id: 'monthly_cap_share',
    header: 'Share of the cap',
    width: 6.1,
    cell: (row) => <CapShare customer={row} />,
    sortBy: ({ monthly_cap_share: share }) => share,
    csv: ({ monthly_cap_share: share }) => share,
  },
  { id: 'monthly_cap_usd', header: 'Cap', cell: () => null, csv: (row) => row.monthly_cap_usd },
  {
    id: 'credits_usd',
    header: 'Credits left',
    isNumber: true,
    width: 6.2,
    cell: ({ credits_usd: usd }) => <Amount usd={usd} />,
    sortBy: ({ credits_usd: usd }) => usd,
    csv: ({ credits_usd: usd }) => usd,
  },
  {
    id: 'credits_until',
    header: 'Credits last',
    width: 7.6,
    cell: (row) => <LastsUntil customer={row} />,
    sortBy: ({ credits_until: until }) => until,
    csv: ({ credits_until: until }) => (until === null ? null : isoOf(until)),
  },
  {
    id: 'held_usd',
    header: 'Held',
    isNumber: true,
    width: 5,
    cell: ({ held_usd: usd }) => <Amount usd={usd} />,
    sortBy: ({ held_usd: usd }) => usd,
    csv: ({ held_usd: usd }) => usd,
  },
  {
    id: 'denied_requests',
    header: 'Refused in a day',
    isNumber: true,
    width: 6,
    cell: (row) => <Denied customer={row} />,
    sortBy: ({ denied_requests: denied }) => denied,
    csv: ({ denied_requests: denied }) => denied,
  },
  {
    id: 'forecast_usd',
    header: 'Forecast',
    isNumber: true,
    width: 5.5,
    cell: ({ forecast_usd: usd }) => <Amount usd={usd} />,
    sortBy: ({ forecast_usd: usd }) => usd,
    csv: ({ forecast_usd: usd }) => usd,
  },
];

/** In files alone: on the page they stand within other columns. */
const IN_FILES_ALONE = ['state', 'plan', 'monthly_cap_usd'];
export const SHOWN_COLUMNS = CUSTOMER_COLUMNS.filter(({ id }) => !IN_FILES_ALONE.includes(id));

export function Change({ usd }: { usd: string }) {
  const picos = picosOf(usd);
  return (
    <span className="amount" title={`$${usd} exactly`}>
      {picos > 0n ? '+' : ''}
      {readableUsd(picos)}
    </span>
  );
}

function CapShare({ customer }: { customer: Customer }) {
  const cap = picosOrNull(customer.monthly_cap_usd);
  if (cap === null) return <span className="quiet">no cap</span>;
  const used = picosOf(customer.month_to_date_usd);
  return (
    <>
      <ShareBar label={`${customer.entity}: share of the monthly cap`} used={used} limit={cap} />
      <span className="quiet">of {roundUsd(cap)}</span>
    </>
  );
}

function LastsUntil({ customer }: { customer: Customer }) {
  if (hasRunOut(customer)) return <Badge tone="bad">Out now</Badge>;
  const { credits_until: until, credits_expire_at: expires } = customer;
  if (until === null) {
    if (expires === null) return <span className="quiet">–</span>;
    return <span className="quiet">some expire on {dayOf(expires)}</span>;
  }
  return (
    <>
      {runsOutSoon(customer) ? (
        <Badge tone="warn">{duration(until - nowSeconds())}</Badge>
      ) : (
        duration(until - nowSeconds())
      )}
      <div className="quiet">{dayOf(until)}</div>
    </>
  );
}

function Denied({ customer }: { customer: Customer }) {
  const { denied_requests: denied, denied_by_limit: byLimit } = customer;
  if (denied === null) return <span className="quiet">not known</span>;
  if (denied === 0) return <span className="quiet">0</span>;
  const [most] = byLimit ?? [];
  return (
    <>
      {denied}
      {most !== undefined && <div className="quiet">{limitWords(most.limit)}</div>}
    </>
  );
}
