/** The fields of an alert, what a person typed in them, and the order that they make. */
import type { Schemas } from '../../api/client.js';
import { AmountBox, Choice, TextBox } from '../../parts/fields.js';
import { SelectBox } from '../../parts/select-box.js';
import { plainAmount } from '../../parts/money.js';
import { KIND_WORDS } from './words.js';

type Kind = Schemas['AlertKind'];

export type Draft = {
  readonly kind: Kind;
  readonly below: string;
  readonly days: string;
  readonly share: string;
  readonly cap: Schemas['CapKind'];
  /** Whose cap; empty is the customer's. */
  readonly project: string;
  readonly seconds: string;
  readonly mail: MailDraft;
};

export type MailDraft = { readonly recipients: string; readonly prefix: string | null };

export const NO_MAIL: MailDraft = { recipients: '', prefix: null };

export const FIRST_DRAFT: Draft = {
  kind: 'low_balance',
  below: '50',
  days: '7',
  share: '80',
  cap: 'monthly',
  project: '',
  seconds: '60',
  mail: NO_MAIL,
};

const CAPS = [
  { value: 'monthly', label: 'monthly' },
  { value: 'yearly', label: 'yearly' },
] as const;

export function draftOf(alert: Schemas['Alert']): Draft {
  const text = (value: string | number | null, first: string) => (value === null ? first : String(value));
  return {
    kind: alert.kind,
    below: text(alert.below_usd, FIRST_DRAFT.below),
    days: text(alert.within_days, FIRST_DRAFT.days),
    share: text(alert.share_percent, FIRST_DRAFT.share),
    cap: alert.cap ?? FIRST_DRAFT.cap,
    project: alert.project ?? '',
    seconds: text(alert.older_than_seconds, FIRST_DRAFT.seconds),
    mail: mailOf(alert.notification_channel),
  };
}

export function mailOf(channel: Schemas['NotificationChannel']): MailDraft {
  return { recipients: channel.recipients.join(', '), prefix: channel.subject_prefix };
}

export function orderOf({ kind, below, days, share, cap, project, seconds, mail }: Draft) {
  const notification_channel = channelOf(mail);
  const count = (text: string) => Number(text.trim().replaceAll(',', ''));
  switch (kind) {
    case 'low_balance':
      return { kind, below_usd: plainAmount(below), notification_channel };
    case 'credits_running_out':
      return { kind, within_days: count(days), notification_channel };
    case 'cap_share': {
      const share_percent = count(share.replace('%', ''));
      return { kind, share_percent, cap, project: project.trim() || null, notification_channel };
    }
    case 'queue_late':
      return { kind, older_than_seconds: count(seconds), notification_channel };
    default:
      return { kind, notification_channel };
  }
}

export function channelOf({ recipients, prefix }: MailDraft) {
  return { type: 'email' as const, recipients: recipientsOf(recipients), subject_prefix: prefix };
}

function recipientsOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter((each) => each !== '');
}

/** Where it goes, in a sentence. */
export function toldSentence({ recipients }: MailDraft): string {
  const all = recipientsOf(recipients);
  return all.length === 0
    ? 'It is sent to webhooks, and not by mail.'
    : `It is sent to webhooks, and by mail to ${all.join(', ')}.`;
}

export function AlertFields({
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
      {draft.kind === 'cap_share' && <CapFields draft={draft} set={set} isOfService={isOfService} />}
      {draft.kind === 'queue_late' && (
        <TextBox
          name="older_than_seconds"
          label="Seconds that the oldest usage has waited"
          value={draft.seconds}
          onChange={(seconds) => set({ seconds })}
        />
      )}
      <Recipients value={draft.mail} onChange={(mail) => set({ mail })} />
    </>
  );
}

function CapFields({
  draft,
  set,
  isOfService,
}: {
  draft: Draft;
  set: (changes: Partial<Draft>) => void;
  isOfService: boolean;
}) {
  return (
    <>
      <TextBox
        name="share_percent"
        label="Percent of the cap"
        value={draft.share}
        onChange={(share) => set({ share })}
      />
      <Choice name="cap" label="Cap" options={CAPS} value={draft.cap} onChange={(cap) => set({ cap })} />
      {!isOfService && draft.cap === 'monthly' && (
        <TextBox
          name="project"
          label="Project"
          hint="Empty: the cap of the customer"
          value={draft.project}
          onChange={(project) => set({ project })}
        />
      )}
    </>
  );
}

export function Recipients({ value, onChange }: { value: MailDraft; onChange: (value: MailDraft) => void }) {
  return (
    <TextBox
      name="notification_channel.recipients"
      label="Mail to"
      hint="Comma separated; empty: only webhooks"
      value={value.recipients}
      onChange={(recipients) => onChange({ ...value, recipients })}
    />
  );
}
