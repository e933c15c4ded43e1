/** Takes credits back: all that is left of a grant or a part of it, with the money or without. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../../api/client.js';
import { ActDialog, type ActHeaders } from '../../../parts/act-dialog.js';
import { AmountBox, TextBox, Tick } from '../../../parts/fields.js';
import { picosOf, plainAmount, readableUsd } from '../../../parts/money.js';

/** What the act needs to know of a grant. */
export type Lot = Pick<
  Schemas['ActivityGrant'],
  'id' | 'amount_usd' | 'remaining_usd' | 'voided_usd' | 'owed_usd'
>;

export function VoidCredits({ entity, lot, onClose }: { entity: string; lot: Lot; onClose: () => void }) {
  const [amount, setAmount] = useState('');
  const [isRefund, setRefund] = useState(false);
  const [reason, setReason] = useState('');
  const take = (dryRun: boolean, headers?: ActHeaders) =>
    answered(
      api.POST('/v1/admin/entities/{entity}/credits/{grant}/void', {
        params: { path: { entity, grant: lot.id }, query: { dry_run: dryRun } },
        headers,
        body: { reason, refund: isRefund, amount_usd: amount.trim() === '' ? null : plainAmount(amount) },
      }),
    );
  return (
    <ActDialog
      title={`Take credits of ${entity} back`}
      verb={isRefund ? 'Refund' : 'Take back'}
      entity={entity}
      onClose={onClose}
      preview={async () => {
        const { taken, sentences } = movedBy(lot, await take(true), isRefund);
        return { sentences, movedPicos: taken };
      }}
      perform={async (headers) => {
        const { taken } = movedBy(lot, await take(false, headers), isRefund);
        return {
          sentence: `${isRefund ? 'Refunded' : 'Took back'} ${readableUsd(taken)} of ${lot.id}.`,
          grant: lot.id,
        };
      }}
      fields={
        <>
          <p>
            {readableUsd(picosOf(lot.remaining_usd))} of {readableUsd(picosOf(lot.amount_usd))} is left of{' '}
            {lot.id}.
          </p>
          <AmountBox
            name="amount_usd"
            label="Amount"
            hint="Empty: all that is left. What is more than that becomes a debt, which the next credits pay first."
            value={amount}
            onChange={setAmount}
          />
          <Tick
            isSelected={isRefund}
            onChange={setRefund}
            label="The customer gets the money back: statements and FOCUS reverse the purchase"
          />
          <TextBox name="reason" label="Reason" isRequired isLong value={reason} onChange={setReason} />
        </>
      }
    />
  );
}

function movedBy(before: Lot, after: Schemas['CreditGrant'], isRefund: boolean) {
  const taken = picosOf(after.voided_usd) - picosOf(before.voided_usd);
  const owed = picosOf(after.owed_usd) - picosOf(before.owed_usd);
  const fallen = picosOf(before.remaining_usd) - picosOf(after.remaining_usd);
  return {
    taken,
    sentences: [
      `${readableUsd(taken)} of this grant is taken back.`,
      `What is left of it falls by ${readableUsd(fallen)} to ${readableUsd(picosOf(after.remaining_usd))}.`,
      ...(owed > 0n
        ? [`${readableUsd(owed)} was spent already and becomes a debt; the next credits pay it first.`]
        : []),
      isRefund
        ? 'The statement and FOCUS reverse the purchase. Send the money back by your own means: Tally moves none.'
        : 'The statement keeps the purchase; the customer gets no money back.',
    ],
  };
}
