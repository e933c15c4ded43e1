/** What was changed for a customer, by whom: the audit log. Admins alone may read it. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { Moment } from '../../parts/moment.js';
import { paging, rowsOf } from '../../parts/paged.js';
import { may } from '../../session/permissions.js';
import { useSignedIn } from '../../session/session.js';
import { By } from '../audit/by.js';
import { ChangeLines, Headline } from '../audit/change-lines.js';

type Entry = Schemas['AuditEntry'];

const COLUMNS: readonly Column<Entry>[] = [
  { id: 'at', header: 'When', width: 9, cell: ({ at }) => <Moment at={at} /> },
  {
    id: 'action',
    header: 'What was done',
    width: 15.5,
    cell: (entry) => <Headline entry={entry} />,
  },
  {
    id: 'change',
    header: 'What changed',
    width: 17,
    cell: (entry) => <ChangeLines entry={entry} />,
  },
  { id: 'actor', header: 'By', width: 10, cell: (entry) => <By entry={entry} /> },
];

export function Changes({ entity }: { entity: string }) {
  const { role } = useSignedIn();
  return may(role, 'GET /v1/admin/audit_log') ? <AuditLog entity={entity} /> : null;
}

function AuditLog({ entity }: { entity: string }) {
  const found = useInfiniteQuery(paging('/v1/admin/audit_log', { params: { query: { entity } } }));
  const rows = useMemo(() => rowsOf(found.data?.pages ?? []), [found.data]);
  return (
    <section className="card" aria-labelledby="changes">
      <div className="card-head">
        <h2 id="changes">Changes</h2>
      </div>
      <Awaited of={found}>
        {() => (
          <DataTable
            label="Changes"
            columns={COLUMNS}
            rows={rows}
            keyOf={({ id }) => id}
            onEnd={found.hasNextPage && !found.isFetching ? () => void found.fetchNextPage() : undefined}
            empty={<Empty title="Nothing was changed yet" />}
          />
        )}
      </Awaited>
    </section>
  );
}
