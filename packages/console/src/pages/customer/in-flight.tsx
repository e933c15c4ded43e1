/** Requests in flight, and what each of them holds. Admins alone may list them. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import { Awaited } from '../../parts/awaited.js';
import { Copyable } from '../../parts/copyable.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { Moment } from '../../parts/moment.js';
import { paging, rowsOf } from '../../parts/paged.js';
import { duration } from '../../parts/times.js';
import { may } from '../../session/permissions.js';
import { useSignedIn } from '../../session/session.js';

const COLUMNS: readonly Column<Schemas['Hold']>[] = [
  { id: 'id', header: 'Reservation', width: 12, cell: ({ id }) => <Copyable text={id} /> },
  { id: 'project', header: 'Project', width: 10, cell: ({ project }) => project },
  { id: 'model', header: 'Model', width: 12, cell: ({ model, kind }) => model ?? `a ${kind}` },
  {
    id: 'hold',
    header: 'Holds',
    isNumber: true,
    width: 7,
    cell: ({ hold_usd: usd }) => <Amount usd={usd} />,
  },
  {
    id: 'age',
    header: 'Since',
    width: 7,
    cell: ({ age_seconds: age }) => (age === null ? '–' : duration(age)),
  },
  { id: 'expires', header: 'Expires', width: 9, cell: ({ expires_at: at }) => <Moment at={at} /> },
];

export function InFlight({ entity }: { entity: string }) {
  const { role } = useSignedIn();
  return may(role, 'GET /v1/admin/entities/{entity}/holds') ? <Holds entity={entity} /> : null;
}

function Holds({ entity }: { entity: string }) {
  const found = useInfiniteQuery(
    paging('/v1/admin/entities/{entity}/holds', { params: { path: { entity } } }),
  );
  const rows = useMemo(() => rowsOf(found.data?.pages ?? []), [found.data]);
  return (
    <section className="card" aria-labelledby="in-flight">
      <div className="card-head">
        <h2 id="in-flight">Requests in flight</h2>
      </div>
      <Awaited of={found} lines={2}>
        {() => (
          <DataTable
            label="Requests in flight"
            columns={COLUMNS}
            rows={rows}
            keyOf={({ id }) => id}
            onEnd={found.hasNextPage && !found.isFetching ? () => void found.fetchNextPage() : undefined}
            empty={<Empty title="No request is in flight" />}
          />
        )}
      </Awaited>
    </section>
  );
}
