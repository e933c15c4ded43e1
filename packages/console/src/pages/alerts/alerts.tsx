/** Alerts: conditions and spend that are watched, where alerts go, and the last delivery of each. */
import { queryOptions, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo, type ReactNode } from 'react';
import { answered, api, organization, reading, type Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { Moment } from '../../parts/moment.js';
import { PageHead } from '../../parts/page-head.js';
import { may } from '../../session/permissions.js';
import { useSignedIn } from '../../session/session.js';
import { DeliveryState } from '../webhooks/deliveries.js';
import { DeleteAlert, EditAlert, MakeAlert } from './alert-acts.js';
import { deliveries, lastOf } from './last-delivery.js';
import { alertsRoute } from './route.js';
import { DeleteSpendAlert, EditSpendAlert, MakeSpendAlert } from './spend-alert-acts.js';
import { centsText, conditionOf } from './words.js';

type Alert = Schemas['Alert'];
type Channel = Schemas['NotificationChannel'];

export function Alerts() {
  const { entity: chosen } = alertsRoute.useSearch();
  const navigate = alertsRoute.useNavigate();
  const session = useSignedIn();
  const entity = session.entity ?? chosen ?? null;
  const choose = useCallback(
    (typed: string) => void navigate({ search: { entity: typed || undefined }, replace: true }),
    [navigate],
  );
  return (
    <>
      <PageHead
        title="Alerts"
        lead={entity === null ? 'For the operators of the service, over all customers.' : `For ${entity}.`}
      >
        <MakeAlert entity={entity} />
        {entity !== null && <MakeSpendAlert entity={entity} />}
      </PageHead>
      {session.entity === null && (
        <div className="row filters">
          <SearchBox label="Customer, whole name" value={chosen ?? ''} onChange={choose} />
          <span className="quiet">Empty: those of the whole service.</span>
        </div>
      )}
      {entity === null ? <ServiceAlerts /> : <CustomerAlerts entity={entity} />}
      <AlertsGoTo />
    </>
  );
}

export function AlertsGoTo() {
  const { role } = useSignedIn();
  return (
    <p className="quiet">
      Alerts go to every{' '}
      {may(role, 'GET /v1/admin/webhooks') ? <Link to="/webhooks">webhook</Link> : 'webhook'} of the customer
      and of all, and by mail to the recipients.
    </p>
  );
}

function ServiceAlerts() {
  const alerts = useQuery(reading('/v1/admin/alerts', { params: { query: { limit: 100 } } }));
  return (
    <div className="card">
      <Awaited of={alerts} lines={5}>
        {({ data }) => <Conditions alerts={data} />}
      </Awaited>
    </div>
  );
}

/** A customer's alerts, each with its last delivery: on conditions, and at amounts of it and of its projects. */
export function CustomerAlerts({ entity }: { entity: string }) {
  const params = { ...organization(entity), query: { limit: 100 } };
  const alerts = useQuery(reading('/v1/organization/alerts', { params }));
  const spend = useQuery(spendAlerts(entity));
  return (
    <>
      <section className="card stack">
        <h2 id="conditions">Conditions</h2>
        <Awaited of={alerts} lines={4}>
          {({ data }) => <Conditions alerts={data} />}
        </Awaited>
      </section>
      <section className="card stack">
        <h2 id="spend">Spend</h2>
        <Awaited of={spend} lines={4}>
          {(rows) => <Spend rows={rows} entity={entity} />}
        </Awaited>
      </section>
    </>
  );
}

type SpendRow = { readonly alert: Schemas['SpendAlert']; readonly project: string | null };

/** Of the customer first, then of its projects by name. */
function spendAlerts(entity: string) {
  const params = { ...organization(entity), query: { limit: 100 } };
  return queryOptions({
    queryKey: ['spend alerts', entity] as const,
    queryFn: async ({ signal }): Promise<SpendRow[]> => {
      const [own, projects] = await Promise.all([
        answered(api.GET('/v1/organization/spend_alerts', { params, signal })),
        answered(api.GET('/v1/organization/projects', { params, signal })),
      ]);
      const ofProjects = await Promise.all(
        projects.data.map(async ({ name: project }) => {
          const path = { project };
          const { data } = await answered(
            api.GET('/v1/organization/projects/{project}/spend_alerts', {
              params: { ...params, path },
              signal,
            }),
          );
          return data.map((alert) => ({ alert, project }));
        }),
      );
      return [...own.data.map((alert) => ({ alert, project: null })), ...ofProjects.flat()];
    },
  });
}

function Conditions({ alerts }: { alerts: readonly Alert[] }) {
  return (
    <DataTable
      label="Conditions"
      columns={CONDITION_COLUMNS}
      rows={alerts}
      keyOf={({ id }) => id}
      empty={<Empty title="Nothing is watched">Make an alert to hear before a customer is refused.</Empty>}
    />
  );
}

const CONDITION_COLUMNS: readonly Column<Alert>[] = [
  { id: 'when', header: 'When', width: 13, cell: (alert) => conditionOf(alert) },
  {
    id: 'told',
    header: 'Mailed to',
    width: 13,
    cell: (alert) => <Told channel={alert.notification_channel} undeliverable={alert.undeliverable} />,
  },
  {
    id: 'last',
    header: 'Last delivery',
    width: 11,
    cell: (alert) => (
      <Last
        id={alert.id}
        type={`${alert.kind}.triggered`}
        entity={alert.entity}
        channel={alert.notification_channel}
      />
    ),
  },
  { id: 'made', header: 'Made', width: 9, cell: ({ created_at: at }) => <Moment at={at} /> },
  {
    id: 'act',
    header: 'Change',
    width: 12,
    cell: (alert) => (
      <span className="row">
        <EditAlert alert={alert} />
        <DeleteAlert alert={alert} />
      </span>
    ),
  },
];

function Spend({ rows, entity }: { rows: readonly SpendRow[]; entity: string }) {
  const columns = useMemo(() => spendColumns(entity), [entity]);
  return (
    <DataTable
      label="Spend alerts"
      columns={columns}
      rows={rows}
      keyOf={({ alert }) => alert.id}
      empty={<Empty title="No spend is watched">Make a spend alert to be told at an amount.</Empty>}
    />
  );
}

function spendColumns(entity: string): readonly Column<SpendRow>[] {
  return [
    {
      id: 'amount',
      header: 'At',
      width: 8,
      cell: ({ alert }) => `${centsText(alert.threshold_amount)} a month`,
    },
    {
      id: 'whose',
      header: 'Of',
      width: 8,
      cell: ({ project }) => project ?? <span className="quiet">all projects together</span>,
    },
    {
      id: 'told',
      header: 'Mailed to',
      width: 15.5,
      cell: ({ alert }) => <Told channel={alert.notification_channel} undeliverable={alert.undeliverable} />,
    },
    {
      id: 'last',
      header: 'Last delivery',
      width: 14,
      cell: ({ alert }) => (
        <Last
          id={alert.id}
          type="spend_alert.triggered"
          entity={entity}
          channel={alert.notification_channel}
        />
      ),
    },
    {
      id: 'act',
      header: 'Change',
      width: 12,
      cell: ({ alert, project }) => (
        <span className="row">
          <EditSpendAlert alert={alert} scope={{ entity, project }} />
          <DeleteSpendAlert alert={alert} scope={{ entity, project }} />
        </span>
      ),
    },
  ];
}

function Told({ channel, undeliverable }: { channel: Channel; undeliverable: string | null }): ReactNode {
  return (
    <>
      {channel.recipients.length === 0 ? (
        <span className="quiet">nobody</span>
      ) : (
        channel.recipients.join(', ')
      )}
      {undeliverable !== null && (
        <div>
          <Badge tone="bad">not delivered</Badge> <span className="quiet">{undeliverable}</span>
        </div>
      )}
    </>
  );
}

function Last({
  id,
  type,
  entity,
  channel,
}: {
  id: string;
  type: string;
  entity: string | null;
  channel: Channel;
}) {
  const { role } = useSignedIn();
  const isShown = may(role, 'GET /v1/admin/mail_deliveries');
  const { data } = useQuery({ ...deliveries(), enabled: isShown });
  if (!isShown || data === undefined) return <span className="quiet">–</span>;
  const last = lastOf(data, { id, type, entity, recipients: channel.recipients });
  if (last === null) return <span className="quiet">none lately</span>;
  return (
    <>
      <DeliveryState status={last.status} /> <Moment at={last.at} isRelative />
      <div className="quiet">{last.to}</div>
    </>
  );
}
