/** `tally retention`: for how long each kind of data is kept, and what goes next. */
import type { Command } from 'commander';
import { count, money, plural } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { WrongUse } from '../failures.js';
import { action, asCount, asks, command, reading } from '../grammar.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { moment } from '../times.js';
import { orNull, writeChanged } from './limit-values.js';

type Field = Exclude<keyof Schema<'Retention'>, 'object' | 'money_months' | 'kinds'>;
type Kept = Readonly<Record<Field, number | null>>;

/** Each with the option that sets it. */
const KEPT: readonly (readonly [option: string, field: Field, what: string])[] = [
  ['events', 'events_months', 'usage events one by one'],
  ['personal-data', 'personal_data_months', 'users, requests, tags and raw usage of events'],
  ['audit-log', 'audit_log_months', 'the audit log'],
  ['dead-letters', 'dead_letters_months', 'dead letters'],
  ['conflicts', 'conflicts_months', 'conflicts'],
  ['jobs', 'jobs_months', 'jobs with their results'],
  ['webhook-deliveries', 'webhook_deliveries_months', 'deliveries to webhooks'],
  ['mail-deliveries', 'mail_deliveries_months', 'mails of alerts'],
  ['idempotency-keys', 'idempotency_keys_months', 'answers under an Idempotency-Key'],
];

export function addRetentionCommands(program: Command): void {
  const retention = command(program, 'retention', {
    summary: 'Show for how many months what is not money is kept',
    examples: ['retention', 'retention set --personal-data 13', 'retention months'],
  });
  action(retention, async ({ session: { api, out } }) => {
    const shown = await answerOf(api.GET('/v1/admin/settings/retention'));
    out.answer(shown, () => writeRetention(out, shown, null));
  });
  addSet(retention);
  addMonths(retention);
}

function writeRetention(to: Output, after: Kept, before: Kept | null): void {
  writeChanged<Kept>(
    to,
    before,
    after,
    KEPT.map(([, field, what]) => [what, (each) => monthsOf(each[field])] as const),
  );
}

function monthsOf(months: number | null): string {
  return months === null ? 'for ever' : plural(months, 'month');
}

type SetOptions = ChangeOptions & Readonly<Record<string, unknown>>;

function addSet(retention: Command): void {
  const set = command(retention, 'set', {
    summary: 'Change for how many months it is kept; what is left out stays',
    more: 'Sums, statements, ledger and corrections stay for ever. What has gone does not come back: look at --dry-run and tally retention months first.',
    examples: [
      'retention set --personal-data 13 --dry-run',
      'retention set --events 24 --audit-log for-ever',
    ],
  });
  for (const [option, , what] of KEPT)
    set.option(`--${option} <months>`, `${what}: a number of months, or for-ever`, reading(readMonths));
  asks(set);
  action<[], SetOptions>(set, async ({ session, options }) => {
    const { api, out } = session;
    const body = Object.fromEntries(
      KEPT.flatMap(([option, field]) => {
        const months = options[camelCase(option)] as number | 'none' | undefined;
        return months === undefined ? [] : [[field, orNull(months)] as const];
      }),
    );
    if (Object.keys(body).length === 0)
      throw new WrongUse('retention set needs what to change, such as --personal-data 13.');
    const send = (attempt: Attempt) =>
      answerOf(api.PUT('/v1/admin/settings/retention', { params: attempt, body }));
    const before = await answerOf(api.GET('/v1/admin/settings/retention'));
    const changed = await change(session, options, {
      name: 'retention set',
      plan: (to, after) => {
        to.line('Change for how long it is kept:');
        if (after !== null) writeRetention(to, after, before);
      },
      ...sentBy(send),
    });
    if (changed !== null) out.answer(changed, () => writeRetention(out, changed, null));
  });
}

function camelCase(option: string): string {
  return option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Commander takes null for no value. */
function readMonths(text: string): number | 'none' {
  if (text === 'for-ever') return 'none';
  if (!/^\d{1,4}$/.test(text)) throw new RangeError('must be a number of months such as 13, or for-ever');
  return Number(text);
}

function addMonths(retention: Command): void {
  const months = command(retention, 'months', {
    summary: 'List the months of usage: what is stored, what goes next, what keeps it, what went',
    examples: ['retention months', 'retention months --events 24'],
  }).option('--events <months>', 'what would go if events were kept for so many months', asCount);
  action<[], { events?: number }>(months, async ({ session: { api, out }, options: { events } }) => {
    const query = events === undefined ? {} : { events_months: events };
    const listed = await answerOf(
      api.GET('/v1/admin/settings/retention/event_months', { params: { query } }),
    );
    out.answer(listed, () => out.table(listed.data, MONTH_COLUMNS, 'No usage.'));
  });
}

const MONTH_COLUMNS: Column<Schema<'EventMonth'>>[] = [
  { head: 'month', cell: ({ month }) => month },
  { head: 'state', cell: ({ state }) => state },
  { head: 'waits for', cell: (month) => month.waits_for.join(', ').replaceAll('_', ' '), shrinksTo: 12 },
  { head: 'events', cell: ({ events }) => count(events, ''), right: true },
  { head: 'cost', cell: (month) => money(month.cost_usd, ''), right: true, rank: 1 },
  { head: 'dropped', cell: (month) => moment(month.dropped_at, ''), rank: 2 },
];
