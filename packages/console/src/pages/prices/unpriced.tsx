/** Usage of models without a price: it is counted at $0, and charged once there is one. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { CustomerLink } from '../../parts/links.js';
import { groupDigits } from '../../parts/money.js';
import { useRows } from '../../parts/more-rows.js';
import { paging } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { dayOf } from '../../parts/times.js';
import { PricesTabs } from './prices-tabs.js';
import { Publish } from './publish.js';
import { unpricedRoute } from './route.js';

type Waiting = Schemas['UnpricedUsage'];

export function Unpriced() {
  const { model, entity } = unpricedRoute.useSearch();
  const navigate = unpricedRoute.useNavigate();
  const setModel = useCallback(
    (typed: string) =>
      void navigate({ search: (before) => ({ ...before, model: typed || undefined }), replace: true }),
    [navigate],
  );
  const setEntity = useCallback(
    (typed: string) =>
      void navigate({ search: (before) => ({ ...before, entity: typed || undefined }), replace: true }),
    [navigate],
  );
  const query = { ...(model !== undefined && { model }), ...(entity !== undefined && { entity }) };
  const found = useInfiniteQuery(paging('/v1/admin/prices/unpriced', { params: { query } }));
  const { rows, onEnd } = useRows(found);
  return (
    <>
      <PageHead
        title="Unpriced usage"
        lead="Counted at $0 and waiting. The first price of a model charges all of it that lies in an open month."
      />
      <PricesTabs />
      <div className="row filters">
        <SearchBox label="Model, whole name" value={model ?? ''} onChange={setModel} />
        <SearchBox label="Customer, whole name" value={entity ?? ''} onChange={setEntity} />
      </div>
      <div className="card">
        <Awaited of={found} lines={8}>
          {() => (
            <DataTable
              label="Unpriced usage"
              columns={COLUMNS}
              rows={rows}
              keyOf={({ id }) => id}
              onEnd={onEnd}
              empty={<Empty title="No usage waits for a price">Every model that was used has one.</Empty>}
            />
          )}
        </Awaited>
      </div>
    </>
  );
}

const COLUMNS: readonly Column<Waiting>[] = [
  { id: 'model', header: 'Model', width: 15, cell: ({ model }) => model },
  { id: 'entity', header: 'Customer', width: 9, cell: ({ entity }) => <CustomerLink entity={entity} /> },
  { id: 'events', header: 'Events', width: 5, isNumber: true, cell: ({ events }) => groupDigits(events) },
  {
    id: 'quantities',
    header: 'What waits',
    width: 12,
    cell: ({ quantities }) => <Quantities of={quantities} />,
  },
  { id: 'when', header: 'Occurred', width: 9, cell: (row) => spanOf(row) },
  {
    id: 'act',
    header: 'Price',
    width: 9,
    cell: ({ model }) => <Publish label="Set a price…" model={model} />,
  },
];

function Quantities({ of }: { of: Waiting['quantities'] }) {
  return Object.entries(of)
    .map(([meter, count]) => `${groupDigits(count)} ${meter.replaceAll('_', ' ')}`)
    .join(', ');
}

function spanOf({ first_occurred_at: first, last_occurred_at: last }: Waiting): string {
  const [from, to] = [first, last].map((at) => dayOf(Date.parse(at) / 1_000));
  return from === to ? from! : `${from} to ${to}`;
}
