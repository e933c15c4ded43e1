/** Grants credits: bought, or given. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../../api/client.js';
import { ActDialog, type ActHeaders } from '../../../parts/act-dialog.js';
import { DayBox } from '../../../parts/day-box.js';
import { AmountBox, Choice, TextBox } from '../../../parts/fields.js';
import { picosOf, plainAmount, readableUsd } from '../../../parts/money.js';
import { dayOf } from '../../../parts/times.js';

type Grant = Schemas['CreditGrant'];

type Typed = {
  readonly amount: string;
  readonly category: Grant['category'];
  readonly expires: string;
  readonly reference: string;
  readonly note: string;
};

const NOTHING: Typed = { amount: '', category: 'paid', expires: '', reference: '', note: '' };

type Props = { entity: string; balance: Schemas['Balance']; onClose: () => void };

export function GrantCredits({ entity, balance, onClose }: Props) {
  const [typed, setTyped] = useState(NOTHING);
  const grant = (dryRun: boolean, headers?: ActHeaders) =>
    answered(
      api.POST('/v1/admin/entities/{entity}/credits', {
        params: { path: { entity }, query: { dry_run: dryRun } },
        headers,
        body: bodyOf(typed),
      }),
    );
  return (
    <ActDialog
      title={`Grant credits to ${entity}`}
      verb="Grant"
      entity={entity}
      onClose={onClose}
      preview={async () => {
        const granted = await grant(true);
        return { sentences: sentencesOf(granted, balance), movedPicos: picosOf(granted.amount_usd) };
      }}
      perform={async (headers) => {
        const { amount_usd, id } = await grant(false, headers);
        return { sentence: `Granted ${readableUsd(picosOf(amount_usd))} to ${entity} as ${id}.`, grant: id };
      }}
      fields={
        <Fields typed={typed} onChange={(change) => setTyped((before) => ({ ...before, ...change }))} />
      }
    />
  );
}

function Fields({ typed, onChange }: { typed: Typed; onChange: (change: Partial<Typed>) => void }) {
  return (
    <>
      <AmountBox
        name="amount_usd"
        label="Amount"
        isRequired
        value={typed.amount}
        onChange={(amount) => onChange({ amount })}
      />
      <Choice
        name="category"
        label="Category"
        value={typed.category}
        options={CATEGORIES}
        onChange={(category) => onChange({ category })}
      />
      <DayBox
        name="expires_at"
        label="Expires on"
        hint="At the start of that day, UTC. Empty: never."
        value={typed.expires}
        onChange={(expires) => onChange({ expires })}
      />
      <TextBox
        name="reference"
        label="Reference"
        hint="The invoice, for example. Each reference can be used once for a customer."
        value={typed.reference}
        onChange={(reference) => onChange({ reference })}
      />
      <TextBox name="note" label="Note" isLong value={typed.note} onChange={(note) => onChange({ note })} />
    </>
  );
}

const CATEGORIES = [
  { value: 'paid', label: 'Paid' },
  { value: 'promotional', label: 'Promotional' },
] as const;

function bodyOf({ amount, category, expires, reference, note }: Typed) {
  return {
    amount_usd: plainAmount(amount),
    category,
    priority: 50,
    expires_at: expires === '' ? null : `${expires}T00:00:00Z`,
    reference: reference.trim() || null,
    note: note.trim() || null,
  };
}

function sentencesOf(granted: Grant, balance: Schemas['Balance']): string[] {
  const {
    entity,
    category,
    amount_usd,
    remaining_usd,
    debt_paid_usd,
    expires_at: expires,
    effective_at,
  } = granted;
  const [left, paid] = [picosOf(remaining_usd), picosOf(debt_paid_usd)];
  const now = picosOf(balance.credits_usd);
  const kind = category === 'paid' ? 'paid' : 'promotional';
  return [
    `${entity} gets ${readableUsd(picosOf(amount_usd))} of ${kind} credits.`,
    ...(paid > 0n ? [`${readableUsd(paid)} of it pays a debt at once.`] : []),
    ...(effective_at > balance.as_of + 60
      ? [`They can be spent from ${dayOf(effective_at)} on.`]
      : [`What can be spent rises from ${readableUsd(now)} to ${readableUsd(now + left)}.`]),
    expires === null ? 'They never expire.' : `What is left of them expires on ${dayOf(expires)}.`,
  ];
}
