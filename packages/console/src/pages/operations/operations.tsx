/** The queue by shard and customer, to pause and resume, and figures of the service. */
import { useQuery } from '@tanstack/react-query';
import { reading, type Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CustomerLink } from '../../parts/links.js';
import { groupDigits } from '../../parts/money.js';
import { PageHead } from '../../parts/page-head.js';
import { duration } from '../../parts/times.js';
import { OperationsTabs } from './operations-tabs.js';
import { PauseOrResume } from './pause.js';
import { ServiceFigures } from './service-figures.js';

type Queue = Schemas['QueueState'];
type Shard = Schemas['QueueShard'];
type Entity = Schemas['WaitingEntity'];

const LOOK_AGAIN_MS = 5_000;
const LATE_SECONDS = 60;

export function Operations() {
  const queue = useQuery({ ...reading('/v1/admin/queue', {}), refetchInterval: LOOK_AGAIN_MS });
  return (
    <>
      <PageHead title="Operations" lead="Usage on its way into the books, refreshed every five seconds.">
        {queue.data !== undefined && <PauseOrResume queue={queue.data} />}
        <a className="button" href="/admin/queues">
          Jobs of the queues
        </a>
      </PageHead>
      <OperationsTabs />
      <Awaited of={queue} lines={10}>
        {(answer) => <QueueView queue={answer} />}
      </Awaited>
      <ServiceFigures />
    </>
  );
}

function QueueView({ queue }: { queue: Queue }) {
  const { waiting, delayed, active, failed, oldest_seconds: oldest, paused } = queue;
  return (
    <>
      {paused && (
        <p className="problem" role="status">
          The queue is paused: usage waits and nothing is counted or charged until it is resumed. Decisions go
          on.
        </p>
      )}
      <section className="tiles" aria-label="The queue">
        <Tile title="Waiting" figure={groupDigits(waiting)}>
          {delayed > 0 ? `${groupDigits(delayed)} of them wait for a retry` : 'Jobs of up to 1,000 events'}
        </Tile>
        <Tile title="Oldest job" figure={oldest === null ? '–' : duration(oldest)}>
          {oldest === null ? (
            'Nothing waits'
          ) : oldest > LATE_SECONDS ? (
            <Badge tone="bad">late</Badge>
          ) : (
            'On time'
          )}
        </Tile>
        <Tile title="Being counted" figure={groupDigits(active)}>
          Jobs in flight
        </Tile>
        <Tile title="Failed" figure={groupDigits(failed)}>
          {failed > 0 ? <a href="/admin/queues">Look at them</a> : 'None'}
        </Tile>
      </section>
      <div className="grid">
        <section className="card stack">
          <h2 id="shards">By queue</h2>
          <DataTable
            label="By queue"
            columns={SHARD_COLUMNS}
            rows={queue.shards}
            keyOf={({ name }) => name}
          />
        </section>
        <section className="card stack">
          <h2 id="entities">Customers with the most waiting</h2>
          {queue.entities.length === 0 ? (
            <p className="quiet">No usage waits.</p>
          ) : (
            <DataTable
              label="Customers with the most waiting"
              columns={ENTITY_COLUMNS}
              rows={queue.entities}
              keyOf={({ entity }) => entity ?? ''}
            />
          )}
          {queue.entities_sampled && (
            <p className="quiet">Counted in the oldest and the newest jobs only: there are many.</p>
          )}
        </section>
      </div>
    </>
  );
}

export function Tile({
  title,
  figure,
  children,
}: {
  title: string;
  figure: React.ReactNode;
  children?: React.ReactNode;
}) {
  return (
    <div className="tile">
      <h2>{title}</h2>
      <p className="figure">{figure}</p>
      <div className="quiet">{children}</div>
    </div>
  );
}

const SHARD_COLUMNS: readonly Column<Shard>[] = [
  {
    id: 'name',
    header: 'Queue',
    width: 7.5,
    cell: ({ name, paused }) => (
      <>
        {name} {paused && <Badge tone="bad">paused</Badge>}
      </>
    ),
  },
  { id: 'waiting', header: 'Waiting', width: 5, isNumber: true, cell: ({ waiting }) => groupDigits(waiting) },
  {
    id: 'oldest',
    header: 'Oldest',
    width: 5.5,
    isNumber: true,
    cell: ({ oldest_seconds: oldest }) => (oldest === null ? '–' : duration(oldest)),
  },
  { id: 'active', header: 'In flight', width: 5, isNumber: true, cell: ({ active }) => groupDigits(active) },
  { id: 'failed', header: 'Failed', width: 4.5, isNumber: true, cell: ({ failed }) => groupDigits(failed) },
];

const ENTITY_COLUMNS: readonly Column<Entity>[] = [
  {
    id: 'entity',
    header: 'Customer',
    width: 12,
    cell: ({ entity }) =>
      entity === null ? <span className="quiet">no customer</span> : <CustomerLink entity={entity} />,
  },
  {
    id: 'events',
    header: 'Events waiting',
    width: 9,
    isNumber: true,
    cell: ({ waiting_events: events }) => groupDigits(events),
  },
];
