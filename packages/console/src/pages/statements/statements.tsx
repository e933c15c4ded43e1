/** The months of a customer that have a statement. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { reading, type Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Moment } from '../../parts/moment.js';
import { PageHead } from '../../parts/page-head.js';
import { isoOf, monthName, nowSeconds } from '../../parts/times.js';
import { statementsRoute } from './route.js';
import { stateOf } from './state.js';

type Month = Schemas['StatementMonth'];

export function Statements() {
  const { entity } = statementsRoute.useParams();
  const found = useQuery(reading('/v1/entities/{entity}/statements', { params: { path: { entity } } }));
  const columns = useMemo(() => columnsOf(entity), [entity]);
  return (
    <>
      <PageHead title={entity} windowTitle={`Statements of ${entity}`} lead="Statements, by month in UTC">
        <CsvButton
          fileName={`tally-${entity}-statements.csv`}
          columns={columns}
          load={() => found.data?.months ?? []}
        />
      </PageHead>
      <CustomerTabs entity={entity} />
      <Awaited of={found} lines={8}>
        {({ months }) => (
          <div className="card">
            <DataTable label="Statements" columns={columns} rows={months} keyOf={({ period }) => period} />
          </div>
        )}
      </Awaited>
    </>
  );
}

function columnsOf(entity: string): Column<Month>[] {
  const amount = (id: 'charged_usd' | 'credits_usd' | 'overage_usd', header: string): Column<Month> => ({
    id,
    header,
    isNumber: true,
    width: 7.5,
    cell: (month) => <Amount usd={month[id]} />,
    csv: (month) => month[id],
  });
  return [
    {
      id: 'period',
      header: 'Month',
      width: 9,
      cell: ({ period }) => (
        <Link to="/customers/$entity/statements/$period" params={{ entity, period }}>
          {monthName(period)}
        </Link>
      ),
      csv: ({ period }) => period,
    },
    {
      id: 'status',
      header: 'State',
      width: 10,
      cell: (month) => <State month={month} />,
      csv: ({ status }) => status,
    },
    {
      id: 'number',
      header: 'Number',
      width: 8.5,
      cell: ({ number }) => number ?? '–',
      csv: ({ number }) => number,
    },
    amount('charged_usd', 'Charged'),
    amount('credits_usd', 'Paid by credits'),
    amount('overage_usd', 'Overage'),
    {
      id: 'closed_at',
      header: 'Closed',
      width: 9,
      cell: ({ closed_at: at }) => <Moment at={at} />,
      csv: ({ closed_at: at }) => (at === null ? null : isoOf(at)),
    },
  ];
}

function State({ month }: { month: Month }) {
  const { tone, word, sentence } = stateOf(month, nowSeconds());
  return (
    <span title={sentence}>
      <Badge tone={tone}>{word}</Badge>
    </span>
  );
}
