/** Plans: the limits of customers that have none of their own, and the credits of each month. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { groupDigits, picosOf, roundUsd } from '../../parts/money.js';
import { allOf } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { ChangePlan } from './change-plan.js';
import { SettingsTabs } from './settings-tabs.js';

type Plan = Schemas['Plan'];

export function Plans() {
  const plans = useQuery({
    queryKey: ['/v1/admin/plans', 'all'],
    queryFn: () => allOf('/v1/admin/plans', {}),
  });
  return (
    <>
      <PageHead
        title="Plans"
        lead="A plan’s limit applies to each of its customers that has no limit of its own."
      >
        <ChangePlan />
      </PageHead>
      <SettingsTabs />
      <div className="card">
        <Awaited of={plans} lines={5}>
          {(rows) => <DataTable label="Plans" columns={COLUMNS} rows={rows} keyOf={({ plan }) => plan} />}
        </Awaited>
      </div>
    </>
  );
}

const COLUMNS: readonly Column<Plan>[] = [
  {
    id: 'plan',
    header: 'Plan',
    width: 10,
    cell: ({ plan }) => (
      <Link to="/customers" search={{ plan }}>
        {plan}
      </Link>
    ),
  },
  { id: 'monthly', header: 'Monthly cap', isNumber: true, cell: ({ monthly_cap_usd: usd }) => capText(usd) },
  { id: 'yearly', header: 'Yearly cap', isNumber: true, cell: ({ yearly_cap_usd: usd }) => capText(usd) },
  { id: 'overage', header: 'Overage', width: 7.5, cell: ({ overage }) => overage },
  {
    id: 'concurrent',
    header: 'Requests in flight',
    isNumber: true,
    width: 8.5,
    cell: ({ max_concurrent_requests: max }) => (max === null ? 'no limit' : groupDigits(max)),
  },
  {
    id: 'credit',
    header: 'Credits each month',
    isNumber: true,
    width: 8.5,
    cell: ({ monthly_credit_usd: usd }) => (picosOf(usd) === 0n ? 'none' : roundUsd(picosOf(usd))),
  },
  { id: 'act', header: 'Change', width: 8, cell: (plan) => <ChangePlan plan={plan} /> },
];

function capText(usd: string | null): string {
  return usd === null ? 'no limit' : roundUsd(picosOf(usd));
}
