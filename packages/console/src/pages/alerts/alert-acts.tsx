/** Making and deleting alerts. */
import { useState } from 'react';
import { answered, api, organization, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { AmountBox, Choice, SelectBox, TextBox } from '../../parts/fields.js';
import { typedPicos, PICOS_PER_USD } from '../../parts/money.js';
import { centsText, conditionOf, KIND_WORDS } from './words.js';

type Alert = Schemas['Alert'];
type Kind = Schemas['AlertKind'];
type Order = Schemas['ServiceAlertOrder'];

type Draft = {
  kind: Kind;
  below: string;
  days: string;
  share: string;
  cap: Schemas['CapKind'];
  seconds: string;
  recipients: string;
};
const FIRST: Draft = {
  kind: 'low_balance',
  below: '50',
  days: '7',
  share: '80',
  cap: 'monthly',
  seconds: '60',
  recipients: '',
};
const CAPS = [
  { value: 'monthly', label: 'monthly' },
  { value: 'yearly', label: 'yearly' },
] as const;

export function MakeAlert({ entity }: { entity: string | null }) {
  const needs = entity === null ? 'POST /v1/admin/alerts' : 'POST /v1/organization/alerts';
  return (
    <ActButton needs={needs} label="Make an alert…" className="primary">
      {(close) => <MakeDialog entity={entity} onClose={close} />}
    </ActButton>
  );
}

function MakeDialog({ entity, onClose }: { entity: string | null; onClose: () => void }) {
  const [draft, setDraft] = useState(FIRST);
  const send = (headers: ActHeaders) =>
    entity === null
      ? answered(api.POST('/v1/admin/alerts', { headers, body: orderOf(draft) }))
      : answered(
          api.POST('/v1/organization/alerts', {
            params: organization(entity),
            headers,
            body: orderOf(draft) as Schemas['AlertOrder'],
          }),
        );
  return (
    <ActDialog
      title="Make an alert"
      verb="Make it"
      entity={entity}
      fields={<AlertFields draft={draft} onChange={setDraft} isOfService={entity === null} />}
      onClose={onClose}
      preview={async () => ({
        sentences: [
          entity === null
            ? `It watches the whole service: ${KIND_WORDS[draft.kind].toLowerCase()}.`
            : `It watches ${entity}: ${KIND_WORDS[draft.kind].toLowerCase()}.`,
          'It fires once, and again only after the condition has cleared.',
          recipientsOf(draft.recipients).length === 0
            ? 'It is sent to webhooks, and not by mail.'
            : `It is sent to webhooks, and by mail to ${recipientsOf(draft.recipients).join(', ')}.`,
        ],
      })}
      perform={async (headers) => `Watched: ${conditionOf(await send(headers))}.`}
    />
  );
}

function orderOf({ kind, below, days, share, cap, seconds, recipients }: Draft): Order {
  const notification_channel = channelOf(recipients);
  const count = (text: string) => Number(text.trim().replaceAll(',', ''));
  switch (kind) {
    case 'low_balance':
      return { kind, below_usd: below.trim().replace(/^\$/, '').replaceAll(',', ''), notification_channel };
    case 'credits_running_out':
      return { kind, within_days: count(days), notification_channel };
    case 'cap_share':
      return { kind, share_percent: count(share.replace('%', '')), cap, notification_channel };
    case 'queue_late':
      return { kind, older_than_seconds: count(seconds), notification_channel };
    default:
      return { kind, notification_channel };
  }
}

function channelOf(text: string) {
  return { type: 'email' as const, recipients: recipientsOf(text) };
}

function recipientsOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter((each) => each !== '');
}

function AlertFields({
  draft,
  onChange,
  isOfService,
}: {
  draft: Draft;
  onChange: (draft: Draft) => void;
  isOfService: boolean;
}) {
  const set = (changes: Partial<Draft>) => onChange({ ...draft, ...changes });
  const kinds = (Object.keys(KIND_WORDS) as Kind[]).filter((kind) => isOfService || kind !== 'queue_late');
  return (
    <>
      <SelectBox
        label="When"
        value={draft.kind}
        options={kinds.map((value) => ({ value, label: KIND_WORDS[value] }))}
        onChange={(kind) => set({ kind: kind as Kind })}
      />
      {draft.kind === 'low_balance' && (
        <AmountBox name="below_usd" label="Below" value={draft.below} onChange={(below) => set({ below })} />
      )}
      {draft.kind === 'credits_running_out' && (
        <TextBox
          name="within_days"
          label="Within days"
          hint="At the pace of the last seven days"
          value={draft.days}
          onChange={(days) => set({ days })}
        />
      )}
      {draft.kind === 'cap_share' && (
        <>
          <TextBox
            name="share_percent"
            label="Percent of the cap"
            value={draft.share}
            onChange={(share) => set({ share })}
          />
          <Choice name="cap" label="Cap" options={CAPS} value={draft.cap} onChange={(cap) => set({ cap })} />
        </>
      )}
      {draft.kind === 'queue_late' && (
        <TextBox
          name="older_than_seconds"
          label="Seconds that the oldest usage has waited"
          value={draft.seconds}
          onChange={(seconds) => set({ seconds })}
        />
      )}
      <Recipients value={draft.recipients} onChange={(recipients) => set({ recipients })} />
    </>
  );
}

function Recipients(props: { value: string; onChange: (value: string) => void }) {
  return (
    <TextBox
      name="notification_channel.recipients"
      label="Mail to"
      hint="Comma separated; empty: only webhooks"
      {...props}
    />
  );
}

export function DeleteAlert({ alert }: { alert: Alert }) {
  const { id, entity } = alert;
  const needs =
    entity === null ? 'DELETE /v1/admin/alerts/{alert}' : 'DELETE /v1/organization/alerts/{alert}';
  const remove = (headers: ActHeaders) =>
    entity === null
      ? answered(api.DELETE('/v1/admin/alerts/{alert}', { params: { path: { alert: id } }, headers }))
      : answered(
          api.DELETE('/v1/organization/alerts/{alert}', {
            params: { ...organization(entity), path: { alert: id } },
            headers,
          }),
        );
  return (
    <ActButton needs={needs} label="Delete…" className="danger">
      {(close) => (
        <ActDialog
          title="Delete the alert"
          verb="Delete"
          entity={entity}
          fields={<p>{conditionOf(alert)}</p>}
          onClose={close}
          preview={async () => ({ sentences: ['It sends nothing any more.'] })}
          perform={async (headers) => {
            await remove(headers);
            return 'The alert is deleted.';
          }}
        />
      )}
    </ActButton>
  );
}

export function MakeSpendAlert({ entity }: { entity: string }) {
  const [amount, setAmount] = useState('');
  const [recipients, setRecipients] = useState('');
  const cents = () => Number(((typedPicos(amount) ?? 0n) * 100n) / PICOS_PER_USD);
  return (
    <ActButton needs="POST /v1/organization/spend_alerts" label="Make a spend alert…">
      {(close) => (
        <ActDialog
          title="Make a spend alert"
          verb="Make it"
          entity={entity}
          fields={
            <>
              <AmountBox
                name="threshold_amount"
                label="At a spend of"
                hint="In a month, in whole cents"
                isRequired
                value={amount}
                onChange={setAmount}
              />
              <Recipients value={recipients} onChange={setRecipients} />
            </>
          }
          onClose={close}
          preview={async () => ({
            sentences: [
              `It fires once a month, when ${entity} has spent ${centsText(cents())}.`,
              'It stops no request: a cap does that.',
            ],
          })}
          perform={async (headers) => {
            const body = {
              threshold_amount: cents(),
              currency: 'USD' as const,
              interval: 'month' as const,
              notification_channel: channelOf(recipients),
            };
            await answered(
              api.POST('/v1/organization/spend_alerts', { params: organization(entity), headers, body }),
            );
            return `Spend of ${centsText(cents())} is watched.`;
          }}
        />
      )}
    </ActButton>
  );
}

export function DeleteSpendAlert({
  alert: { id, threshold_amount: cents },
  entity,
}: {
  alert: Schemas['SpendAlert'];
  entity: string;
}) {
  return (
    <ActButton needs="DELETE /v1/organization/spend_alerts/{alert}" label="Delete…" className="danger">
      {(close) => (
        <ActDialog
          title="Delete the spend alert"
          verb="Delete"
          entity={entity}
          fields={<p>{centsText(cents)} a month</p>}
          onClose={close}
          preview={async () => ({ sentences: ['It sends nothing any more when this amount is reached.'] })}
          perform={async (headers) => {
            const params = { ...organization(entity), path: { alert: id } };
            await answered(api.DELETE('/v1/organization/spend_alerts/{alert}', { params, headers }));
            return 'The spend alert is deleted.';
          }}
        />
      )}
    </ActButton>
  );
}
