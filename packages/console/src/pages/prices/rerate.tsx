/** Charging past usage by the price book as it is now, with what it changes for whom. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { TextBox } from '../../parts/fields.js';
import { outcomeOf } from '../../parts/job.js';
import { picosOf, readableUsd } from '../../parts/money.js';
import { groupDigits } from '../../parts/money.js';
import { plural } from '../../parts/times.js';

type Rerating = Schemas['Rerating'];

type Order = Readonly<Record<'model' | 'entity' | 'from' | 'to' | 'reason', string>>;

const ENTITIES_MAX = 12;

export function Rerate({ model = '' }: { model?: string }) {
  return (
    <ActButton needs="POST /v1/admin/prices/rerate" label="Re-rate usage…">
      {(close) => <RerateDialog model={model} onClose={close} />}
    </ActButton>
  );
}

function RerateDialog({ model: first, onClose }: { model: string; onClose: () => void }) {
  const [order, setOrder] = useState<Order>({ model: first, entity: '', from: '', to: '', reason: '' });
  const send = (headers: ActHeaders | null) =>
    answered(
      api.POST('/v1/admin/prices/rerate', {
        params: { query: { dry_run: headers === null } },
        ...(headers === null ? {} : { headers }),
        body: {
          model: order.model.trim(),
          entity: order.entity.trim() || null,
          from: instantOf(order.from),
          to: instantOf(order.to),
          reason: order.reason.trim(),
        },
      }),
    );
  return (
    <ActDialog
      title="Re-rate past usage"
      verb="Re-rate"
      entity={order.entity.trim() || null}
      fields={<RerateFields order={order} onChange={setOrder} />}
      onClose={onClose}
      preview={async () => {
        const answer = (await send(null)) as Rerating;
        const delta = picosOf(answer.delta_usd);
        return { sentences: sentencesOf(answer), movedPicos: delta < 0n ? -delta : delta };
      }}
      perform={async (headers) =>
        outcomeOf<Rerating>(
          await send(headers),
          ({ changed, delta_usd: delta }) =>
            `${plural(changed, 'event')} are re-rated: ${changeText(delta)} in all.`,
        )
      }
    />
  );
}

function RerateFields({ order, onChange }: { order: Order; onChange: (order: Order) => void }) {
  const set = (changes: Partial<Order>) => onChange({ ...order, ...changes });
  return (
    <>
      <p className="quiet">
        Usage of this time is charged again by the price book as it is now. The difference is booked as a
        correction; nothing is overwritten.
      </p>
      <TextBox
        name="model"
        label="Model"
        isRequired
        value={order.model}
        onChange={(model) => set({ model })}
      />
      <TextBox
        name="entity"
        label="Customer"
        hint="Empty is every customer"
        value={order.entity}
        onChange={(entity) => set({ entity })}
      />
      <div className="columns">
        <TextBox
          name="from"
          label="From"
          hint="2026-11-01 or with a time, in UTC"
          isRequired
          value={order.from}
          onChange={(from) => set({ from })}
        />
        <TextBox
          name="to"
          label="To, not included"
          hint="2026-12-01"
          isRequired
          value={order.to}
          onChange={(to) => set({ to })}
        />
      </div>
      <TextBox
        name="reason"
        label="Reason"
        hint="On each correction and in the audit log"
        isRequired
        isLong
        value={order.reason}
        onChange={(reason) => set({ reason })}
      />
    </>
  );
}

/** A day alone is its first instant. */
function instantOf(text: string): string {
  const given = text.trim();
  return /^\d{4}-\d\d-\d\d$/.test(given) ? `${given}T00:00:00Z` : given;
}

function sentencesOf({
  looked_at: looked,
  changed,
  complete,
  delta_usd: delta,
  old_usd: old,
  new_usd: now,
  entities,
}: Rerating): string[] {
  if (changed === 0) return [`None of ${plural(looked, 'event')} changes its price.`];
  const shown = entities.slice(0, ENTITIES_MAX);
  return [
    `${groupDigits(changed)} of ${plural(looked, 'event')} change: ${readableUsd(picosOf(old))} → ${readableUsd(picosOf(now))}, ${changeText(delta)} in all.`,
    ...shown.map(
      ({ entity, changed: events, delta_usd: usd }) =>
        `${entity}: ${changeText(usd)} over ${plural(events, 'event')}.`,
    ),
    ...(entities.length > shown.length
      ? [`And ${plural(entities.length - shown.length, 'more customer')}.`]
      : []),
    ...(complete ? [] : ['There is more usage than a preview adds up: these sums cover a part of it.']),
    'Credits are given back or burnt by the difference; the next statement shows the corrections.',
  ];
}

function changeText(usd: string): string {
  const picos = picosOf(usd);
  return `${picos > 0n ? '+' : ''}${readableUsd(picos)}`;
}
