/** Voids an event after a preview of what that gives back. */
import { useEffect, useState } from 'react';
import { answered, api } from '../../api/client.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { TextBox } from '../../parts/fields.js';
import { picosOf, readableUsd } from '../../parts/money.js';
import { monthName } from '../../parts/times.js';
import type { CountedEvent } from './marks.js';

type VoidProps = {
  readonly entity: string;
  readonly event: CountedEvent;
  /** True while the dialog is open. */
  readonly onActing: (isActing: boolean) => void;
  readonly onClose: () => void;
};

export function VoidDialog({ entity, event, onActing, onClose }: VoidProps) {
  useEffect(() => {
    onActing(true);
    return () => onActing(false);
  }, [onActing]);
  const [reason, setReason] = useState('');
  const send = (dryRun: boolean, headers?: ActHeaders) =>
    answered(
      api.POST('/v1/admin/usage_events/{source}/{id}/void', {
        params: {
          path: { source: event.source, id: event.event_id },
          query: { dry_run: dryRun },
          header: { 'Idempotency-Key': headers?.['Idempotency-Key'] ?? crypto.randomUUID() },
        },
        body: { reason, entity, time: event.occurred_at },
        headers: { ...headers },
      }),
    );
  const preview = async () => {
    const correction = await send(true);
    const back = -picosOf(correction.cost_usd);
    const overage = -picosOf(correction.overage_usd);
    const credits = Object.entries(correction.credits_usd);
    return {
      movedPicos: back,
      sentences: [
        `The event ${event.event_id} of ${event.project} is voided: ${entity} gets back ${readableUsd(back)}.`,
        ...credits.map(([grant, usd]) => `${readableUsd(-picosOf(usd))} goes back to the credits ${grant}.`),
        ...(overage === 0n ? [] : [`${readableUsd(overage)} of overage is taken off the bill.`]),
        `It is booked in ${monthName(correction.period)}; the event stays, with its correction.`,
      ],
    };
  };
  const perform = async (headers: ActHeaders) => {
    const correction = await send(false, headers);
    return `Voided: ${entity} got back ${readableUsd(-picosOf(correction.cost_usd))}, by the correction ${correction.id}. The ledger has its entries when the hour closes.`;
  };
  return (
    <ActDialog
      title="Void this event"
      verb="Void"
      entity={entity}
      fields={
        <TextBox
          name="reason"
          label="Reason"
          isRequired
          isLong
          value={reason}
          onChange={setReason}
          hint="The audit log and the event show it."
        />
      }
      preview={preview}
      perform={perform}
      onClose={onClose}
    />
  );
}
