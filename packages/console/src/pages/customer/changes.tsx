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

type Entry = Schemas['AuditEntry'];

const COLUMNS: readonly Column<Entry>[] = [
  { id: 'at', header: 'When', width: 11, cell: ({ at }) => <Moment at={at} /> },
  {
    id: 'action',
    header: 'What',
    width: 10,
    cell: ({ action, target }) => <Action action={action} target={target} />,
  },
  { id: 'actor', header: 'By the key', width: 12, cell: ({ actor }) => <code>{actor}</code> },
  { id: 'change', header: 'Change', width: 22, cell: (entry) => <Change entry={entry} /> },
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

function Action({ action, target }: Pick<Entry, 'action' | 'target'>) {
  return (
    <>
      <code>{action}</code>
      {target !== null && <div className="quiet">{target}</div>}
    </>
  );
}

/** Each field that differs, as it was and as it became. */
function Change({ entry }: { entry: Entry }) {
  const changes = changesOf(entry.before, entry.after);
  return (
    <ul>
      {changes.map(([field, before, after]) => (
        <li key={field}>
          {field}: {before === undefined ? '' : `${before} → `}
          {after}
        </li>
      ))}
    </ul>
  );
}

function changesOf(
  before: unknown,
  after: unknown,
): [field: string, before: string | undefined, after: string][] {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((field) => {
    const [from, to] = [JSON.stringify(was[field]), JSON.stringify(is[field])];
    return from === to ? [] : [[field, from, to ?? 'removed'] as [string, string | undefined, string]];
  });
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
