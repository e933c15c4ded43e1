/** Webhooks: where alerts go, whether they fail, and each delivery with its attempts. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { Copyable } from '../../parts/copyable.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { CustomerLink } from '../../parts/links.js';
import { useRows } from '../../parts/more-rows.js';
import { Moment } from '../../parts/moment.js';
import { paging } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { Tabs } from '../../parts/tabs.js';
import { nowSeconds, plural, relative } from '../../parts/times.js';
import { Deliveries } from './deliveries.js';
import { webhooksRoute } from './route.js';
import { DeleteWebhook, MakeWebhook, RotateSecret, TestWebhook } from './webhook-acts.js';

type Webhook = Schemas['Webhook'];

export function DeliveryTabs() {
  return (
    <Tabs
      label="Deliveries"
      tabs={[
        { label: 'Webhooks', link: { to: '/webhooks' } },
        { label: 'Mail', link: { to: '/webhooks/mail' } },
      ]}
    />
  );
}

export function Webhooks() {
  const { id, status, delivery } = webhooksRoute.useSearch();
  const navigate = webhooksRoute.useNavigate();
  const change = useCallback(
    (changes: object) => void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const found = useInfiniteQuery(paging('/v1/admin/webhooks', {}));
  const { rows, onEnd } = useRows(found);
  const open = rows.find((row) => row.id === id);
  // Its dialog is still open, over the webhook that is gone.
  const [deleted, setDeleted] = useState<string | null>(null);
  return (
    <>
      <PageHead title="Webhooks" lead="Where alerts go, signed as Standard Webhooks. Times in UTC.">
        <MakeWebhook />
      </PageHead>
      <DeliveryTabs />
      <div className="card">
        <Awaited of={found} lines={5}>
          {() => (
            <DataTable
              label="Webhooks"
              columns={COLUMNS}
              rows={rows}
              keyOf={(row) => row.id}
              onEnd={onEnd}
              toneOf={(row) => (row.breaker.failures > 0 ? 'bad' : undefined)}
              empty={<Empty title="No webhook yet">Make one, and every alert is sent to it.</Empty>}
            />
          )}
        </Awaited>
      </div>
      {open !== undefined && (
        <section className="card stack" aria-label="Webhook">
          <Head
            webhook={open}
            onDeleted={() => setDeleted(open.id)}
            onClose={() => change({ id: undefined, status: undefined, delivery: undefined })}
          />
          {open.id !== deleted && (
            <Deliveries webhook={open.id} status={status} open={delivery} onChange={change} />
          )}
        </section>
      )}
    </>
  );
}

function Head({
  webhook,
  onDeleted,
  onClose,
}: {
  webhook: Webhook;
  onDeleted: () => void;
  onClose: () => void;
}) {
  return (
    <>
      <div className="card-head">
        <h2 className="breaks">{webhook.url}</h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <div className="row">
        <TestWebhook of={webhook} />
        <RotateSecret of={webhook} />
        <DeleteWebhook of={webhook} onDeleted={onDeleted} />
        <Copyable text={webhook.id} what="webhook’s id" />
        {webhook.previous_secret_until !== null && (
          <span className="quiet">
            The previous secret signs too, until <Moment at={webhook.previous_secret_until} />
          </span>
        )}
      </div>
    </>
  );
}

const COLUMNS: readonly Column<Webhook>[] = [
  {
    id: 'url',
    header: 'Address',
    width: 25,
    cell: (row) => (
      <Link from="/webhooks" to="." search={{ id: row.id }} replace>
        {row.url}
      </Link>
    ),
  },
  {
    id: 'entity',
    header: 'Alerts of',
    width: 8.5,
    cell: ({ entity }) =>
      entity === null ? <span className="quiet">all customers</span> : <CustomerLink entity={entity} />,
  },
  { id: 'breaker', header: 'State', width: 13.5, cell: ({ breaker }) => <State breaker={breaker} /> },
  { id: 'created_at', header: 'Made', width: 12, cell: ({ created_at: at }) => <Moment at={at} /> },
];

function State({ breaker: { state, failures, probe_at: probe } }: { breaker: Webhook['breaker'] }) {
  if (failures === 0) return <Badge tone="good">receiving</Badge>;
  return (
    <>
      <Badge tone="bad">{state === 'closed' ? 'failing' : 'stopped'}</Badge>
      <div className="quiet">
        {plural(failures, 'failure')} in a row
        {probe !== null && `, tried again ${relative(probe, nowSeconds())}`}
      </div>
    </>
  );
}
