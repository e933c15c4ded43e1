/** Mails of alerts: to whom, and what became of each. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { EntityLink } from '../../parts/links.js';
import { useRows } from '../../parts/more-rows.js';
import { Moment } from '../../parts/moment.js';
import { paging } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { Attempts, DeliveryState, lastText, StatusSelect } from './deliveries.js';
import { mailsRoute } from './route.js';
import { DeliveryTabs } from './webhooks.js';

type Mail = Schemas['MailDelivery'];

export function Mails() {
  const { status, id } = mailsRoute.useSearch();
  const navigate = mailsRoute.useNavigate();
  const change = useCallback(
    (changes: object) => void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const found = useInfiniteQuery(
    paging('/v1/admin/mail_deliveries', { params: { query: status === undefined ? {} : { status } } }),
  );
  const { rows, onEnd } = useRows(found);
  const open = rows.find((row) => row.id === id);
  return (
    <>
      <PageHead title="Mail" lead="What alerts sent by mail, newest first. Times in UTC." />
      <DeliveryTabs />
      <div className="row filters">
        <StatusSelect value={status} onChange={(chosen) => change({ status: chosen })} />
      </div>
      <div className={open === undefined ? undefined : 'split'}>
        <div className="card">
          <Awaited of={found} lines={6}>
            {() => (
              <DataTable
                label="Mail"
                columns={open === undefined ? COLUMNS : COLUMNS_BESIDE}
                rows={rows}
                keyOf={(row) => row.id}
                onEnd={onEnd}
                empty={
                  <Empty title="No mail">
                    Alerts that name recipients send mail, where the service can send any.
                  </Empty>
                }
              />
            )}
          </Awaited>
        </div>
        {open !== undefined && (
          <section className="card stack" aria-label="What was sent">
            <div className="card-head">
              <h2>{open.subject}</h2>
              <button type="button" onClick={() => change({ id: undefined })}>
                Close
              </button>
            </div>
            <Attempts attempts={open.attempts} />
            <pre className="payload" tabIndex={0} aria-label="What was sent">
              {open.body}
            </pre>
          </section>
        )}
      </div>
    </>
  );
}

const COLUMNS: readonly Column<Mail>[] = [
  {
    id: 'created_at',
    header: 'Sent',
    width: 9,
    cell: (row) => (
      <Link from="/webhooks/mail" to="." search={(before) => ({ ...before, id: row.id })} replace>
        <Moment at={row.created_at} />
      </Link>
    ),
  },
  { id: 'recipient', header: 'To', width: 14, cell: ({ recipient }) => recipient },
  { id: 'subject', header: 'Subject', width: 13, cell: ({ subject }) => subject },
  { id: 'entity', header: 'Customer', width: 7.5, cell: ({ entity }) => <EntityLink entity={entity} /> },
  { id: 'status', header: 'State', width: 6, cell: ({ status }) => <DeliveryState status={status} /> },
  { id: 'attempts', header: 'Last attempt', width: 9.5, cell: ({ attempts }) => lastText(attempts) },
];

/** Beside a mail, whose attempts are all listed. */
const COLUMNS_BESIDE = COLUMNS.filter(({ id }) => id !== 'attempts' && id !== 'entity');
