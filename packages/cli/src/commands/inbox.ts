/** `tally inbox`: what waits for a person. */
import type { Command } from 'commander';
import { count, plural } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { action, command } from '../grammar.js';
import type { Output } from '../shown/output.js';
import type { Tone } from '../shown/terminal.js';
import { duration, second } from '../times.js';

export function addInboxCommand(program: Command): void {
  const inbox = command(program, 'inbox', {
    summary: 'Show what waits for a person, with the command that leads to it',
    examples: ['inbox', 'inbox --exit-code || mail -s "Tally needs you" ops@example.com'],
  }).option('--exit-code', 'end with 1 where something waits, for cron');
  action<[], { exitCode?: boolean }>(inbox, async ({ session: { api, out }, options }) => {
    const shown = await answerOf(api.GET('/v1/admin/inbox'));
    out.answer(shown, () => writeInbox(out, shown));
    if (options.exitCode === true && shown.count > 0) process.exitCode = 1;
  });
}

type Waiting = {
  readonly what: string;
  readonly many: string;
  readonly command: string;
  readonly tone: Tone;
};

function writeInbox(out: Output, inbox: Schema<'Inbox'>): void {
  const rows = waitingOf(inbox);
  out.table(
    rows,
    [
      { head: 'what', cell: ({ what }) => what, tone: ({ tone }) => tone, shrinksTo: 24 },
      { head: 'how many', cell: ({ many }) => many, shrinksTo: 10 },
      { head: 'look at', cell: ({ command }) => command },
    ],
    'Nothing waits for you.',
  );
}

function waitingOf(inbox: Schema<'Inbox'>): Waiting[] {
  const { dead_letters, conflicts, failed_jobs, unpriced_models, unread_fields, failing_webhooks } = inbox;
  const { reconciliation, queue } = inbox;
  const rows: (Waiting & { isThere: boolean })[] = [
    counted('dead letters', dead_letters, 'tally dead-letters list'),
    counted('conflicts', conflicts, 'tally conflicts list'),
    counted('failed jobs', failed_jobs, 'tally jobs list --status failed'),
    ...unpriced_models.data.map(({ model, events, entities }) => ({
      what: `usage without a price: ${model}`,
      many: `${plural(events, 'event')} of ${plural(entities, 'customer')}`,
      command: `tally prices unpriced --model ${model}`,
      tone: 'yellow' as const,
      isThere: true,
    })),
    ...unread_fields.data.map(({ field, model, events }) => ({
      what: `an unread field: ${field}`,
      many: `${plural(events, 'event')} of ${model}`,
      command: 'tally inbox --json',
      tone: 'yellow' as const,
      isThere: true,
    })),
    ...failing_webhooks.data.map(({ id, url, failures }) => ({
      what: `a webhook that fails: ${url}`,
      many: `${count(failures)} in a row`,
      command: `tally webhooks deliveries ${id}`,
      tone: 'red' as const,
      isThere: true,
    })),
    {
      what: 'books that differ',
      many: plural(reconciliation?.checks.length ?? 0, 'check'),
      command: 'tally reconcile',
      tone: 'red',
      isThere: reconciliation?.ok === false,
    },
    {
      what: queue?.paused === true ? 'a paused queue' : 'a late queue',
      many: `oldest ${duration(queue?.oldest_seconds)}`,
      command: 'tally queue',
      tone: 'red',
      isThere: queue !== null && (queue.late || queue.paused),
    },
    {
      what: 'failed jobs of the queue',
      many: count(queue?.failed),
      command: 'tally queue',
      tone: 'red',
      isThere: (queue?.failed ?? 0) > 0,
    },
  ];
  return rows.filter(({ isThere }) => isThere);
}

function counted(what: string, waiting: Schema<'InboxWaiting'>, command: string) {
  const since = waiting.oldest_at === null ? '' : `, oldest ${second(waiting.oldest_at)}`;
  const many = `${count(waiting.count)}${waiting.has_more ? ' or more' : ''}${since}`;
  return { what, many, command, tone: 'yellow' as const, isThere: waiting.count > 0 };
}
