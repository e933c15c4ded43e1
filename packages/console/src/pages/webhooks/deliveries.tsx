/** What one webhook was sent: each delivery with its attempts and its body. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge, type Tone } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { EntityLink } from '../../parts/links.js';
import { SelectBox } from '../../parts/select-box.js';
import { useRows } from '../../parts/more-rows.js';
import { Moment } from '../../parts/moment.js';
import { paging } from '../../parts/paged.js';
import { DELIVERY_STATES } from './route.js';
import { Resend } from './webhook-acts.js';

type Delivery = Schemas['WebhookDelivery'];
const ALL = '';
const TONES: Readonly<Record<Schemas['DeliveryStatus'], Tone>> = {
  pending: 'warn',
  delivered: 'good',
  failed: 'bad',
};

export function Deliveries({
  webhook,
  status,
  open: openId,
  onChange,
}: {
  webhook: string;
  status: Schemas['DeliveryStatus'] | undefined;
  open: string | undefined;
  onChange: (changes: object) => void;
}) {
  const query = status === undefined ? {} : { status };
  const found = useInfiniteQuery(
    paging('/v1/admin/webhooks/{id}/deliveries', { params: { path: { id: webhook }, query } }),
  );
  const { rows, onEnd } = useRows(found);
  const open = rows.find(({ id }) => id === openId);
  return (
    <>
      <div className="row spread">
        <h3>Deliveries</h3>
        <StatusSelect value={status} onChange={(chosen) => onChange({ status: chosen })} />
      </div>
      <Awaited of={found} lines={5}>
        {() => (
          <DataTable
            label="Deliveries"
            columns={COLUMNS}
            rows={rows}
            keyOf={({ id }) => id}
            onEnd={onEnd}
            empty={<Empty title="No delivery">Test the webhook to send it something.</Empty>}
          />
        )}
      </Awaited>
      {open !== undefined && (
        <>
          <div className="card-head">
            <h3>{open.type}</h3>
            <Resend of={open} />
          </div>
          <Attempts attempts={open.attempts} />
          <Body text={open.body} />
        </>
      )}
    </>
  );
}

export function StatusSelect({
  value,
  onChange,
}: {
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  return (
    <SelectBox
      label="State"
      value={value ?? ALL}
      options={[
        { value: ALL, label: 'All states' },
        ...DELIVERY_STATES.map((state) => ({ value: state, label: state })),
      ]}
      onChange={(chosen) => onChange(chosen || undefined)}
    />
  );
}

export function DeliveryState({ status }: { status: Schemas['DeliveryStatus'] }) {
  return <Badge tone={TONES[status]}>{status}</Badge>;
}

const COLUMNS: readonly Column<Delivery>[] = [
  {
    id: 'created_at',
    header: 'Sent',
    width: 9,
    cell: (row) => (
      <Link from="/webhooks" to="." search={(before) => ({ ...before, delivery: row.id })} replace>
        <Moment at={row.created_at} />
      </Link>
    ),
  },
  { id: 'type', header: 'Event', width: 13, cell: ({ type }) => type },
  { id: 'entity', header: 'Customer', width: 7.5, cell: ({ entity }) => <EntityLink entity={entity} /> },
  { id: 'status', header: 'State', width: 6.5, cell: ({ status }) => <DeliveryState status={status} /> },
  { id: 'attempts', header: 'Last attempt', width: 13, cell: ({ attempts }) => lastText(attempts) },
  { id: 'next', header: 'Next', width: 9, cell: ({ next_attempt_at: at }) => <Moment at={at} /> },
];

export function lastText(attempts: readonly Schemas['DeliveryAttempt'][]): string {
  const last = attempts.at(-1);
  if (last === undefined) return 'not tried yet';
  return `${last.status ?? last.error ?? 'accepted'}, ${attempts.length === 1 ? 'first attempt' : `attempt ${attempts.length}`}`;
}

export function Attempts({ attempts }: { attempts: readonly Schemas['DeliveryAttempt'][] }) {
  if (attempts.length === 0) return <p className="quiet">Not tried yet.</p>;
  return (
    <ol className="stack tight" aria-label="Attempts">
      {attempts.map(({ at, status, error, duration_ms: ms }, index) => (
        <li key={index}>
          <Moment at={at} />: {status === null ? '' : `status ${status}, `}
          {error !== null ? `${error}, ` : status === null && 'accepted, '}
          {ms} ms
        </li>
      ))}
    </ol>
  );
}

function Body({ text }: { text: string }) {
  return (
    <pre className="payload" tabIndex={0} aria-label="What was sent">
      {indented(text)}
    </pre>
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
