/** One event, with everything that explains it. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { reading } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { Amount } from '../../parts/amount.js';
import { Awaited } from '../../parts/awaited.js';
import { Copyable } from '../../parts/copyable.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { Moment } from '../../parts/moment.js';
import { PageHead } from '../../parts/page-head.js';
import { monthName, timeOf } from '../../parts/times.js';
import { BurnsTable, CorrectionsTable, QuantitiesTable } from './explained.js';
import { isVoided, Marks, type CountedEvent } from './marks.js';
import { eventRoute } from './route.js';
import { VoidDialog } from './void-dialog.js';

export function Event() {
  const { entity, event } = eventRoute.useParams();
  const found = useQuery(
    reading('/v1/entities/{entity}/events/{event}', { params: { path: { entity, event } } }),
  );
  const data = found.data;
  return (
    <>
      <PageHead title={entity} lead={data === undefined ? 'One event' : `Event ${data.event_id}`}>
        {data !== undefined && <VoidButton entity={entity} event={data} />}
      </PageHead>
      <CustomerTabs entity={entity} />
      <p>
        <Link to="/customers/$entity/events" params={{ entity }}>
          ‹ All events
        </Link>
      </p>
      <Awaited of={found} lines={12}>
        {(answer) => <Explained entity={entity} event={answer} />}
      </Awaited>
    </>
  );
}

/** The button stays while its dialog is open, because the dialog shows the entries of the void after the event is voided. */
function VoidButton({ entity, event }: { entity: string; event: CountedEvent }) {
  const [isActing, setActing] = useState(false);
  if (isVoided(event) && !isActing) return null;
  return (
    <ActButton needs="POST /v1/admin/usage_events/{source}/{id}/void" label="Void…" className="danger">
      {(close) => <VoidDialog entity={entity} event={event} onActing={setActing} onClose={close} />}
    </ActButton>
  );
}

function Explained({ entity, event }: { entity: string; event: CountedEvent }) {
  return (
    <>
      <Marks event={event} />
      <div className="grid">
        <section className="card stack" aria-labelledby="what-title">
          <h2 id="what-title">Who, what and when</h2>
          <Facts facts={whoFacts(event)} />
        </section>
        <section className="card stack" aria-labelledby="paid-title">
          <h2 id="paid-title">
            Cost <Amount usd={event.cost_usd} />
          </h2>
          <Facts facts={priceFacts(event)} />
          <BurnsTable entity={entity} event={event} />
        </section>
      </div>
      <section className="card stack" aria-labelledby="quantities-title">
        <h2 id="quantities-title">Quantity × unit price</h2>
        <QuantitiesTable event={event} />
      </section>
      {event.corrections.length > 0 && (
        <section className="card stack" aria-labelledby="corrections-title">
          <h2 id="corrections-title">Corrections</h2>
          <CorrectionsTable event={event} />
        </section>
      )}
      {event.usage !== null && (
        <section className="card stack" aria-labelledby="raw-title">
          <h2 id="raw-title">As the server reported it</h2>
          <p className="quiet">Kept because these fields are unread: {event.unread.join(', ')}.</p>
          <pre className="payload" tabIndex={0}>
            {JSON.stringify(event.usage, null, 2)}
          </pre>
        </section>
      )}
    </>
  );
}

type Fact = readonly [name: string, value: ReactNode];

function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name} className="fact">
          <dt>{name}</dt>
          <dd>{value ?? <span className="quiet">–</span>}</dd>
        </div>
      ))}
    </dl>
  );
}

function idOrNull(id: string | null, what: string): ReactNode {
  return id === null ? null : <Copyable text={id} what={what} />;
}

function whoFacts(event: CountedEvent): Fact[] {
  const tags = Object.entries(event.tags ?? {});
  const attributes = Object.entries(event.attributes ?? {});
  return [
    ['Event', <Copyable key="id" text={event.event_id} what="event id" />],
    ['Source', <code key="source">{event.source}</code>],
    ['Occurred (UTC)', timeOf(event.occurred_at, true)],
    ['Booked', <Moment key="booked" at={event.booked_at} />],
    ['Project', event.project],
    ['Model', event.model],
    ['Operation', event.operation],
    ['User', idOrNull(event.user_id, 'user')],
    ['API key', idOrNull(event.api_key_id, 'key id')],
    ['Request', idOrNull(event.request_id, 'request id')],
    ['Reservation', idOrNull(event.reservation_id, 'reservation')],
    ['Tags', tags.length === 0 ? null : tags.map(([name, value]) => `${name}: ${value}`).join(', ')],
    ['Service tier', event.service_tier],
    ['Region', event.region],
    ...(attributes.length === 0
      ? []
      : [['Attributes', attributes.map(([name, value]) => `${name}: ${value}`).join(', ')] as const]),
    [
      'Usage',
      event.usage_source === 'reported' ? 'as the server reported it' : 'estimated: the stream was cut',
    ],
    ...(event.mended.length === 0 ? [] : [['Cut or turned into text', event.mended.join(', ')] as const]),
    ...(event.unread.length === 0 ? [] : [['Unread fields', event.unread.join(', ')] as const]),
  ];
}

function priceFacts(event: CountedEvent): Fact[] {
  return [
    [
      'Charged to',
      `${monthName(event.period)}${event.late ? ': it came after its own month was closed' : ''}`,
    ],
    ['Price version', event.price_id === null ? 'none yet' : event.price_id],
    ['Rate', event.rate_id === null ? null : event.rate_id],
  ];
}
