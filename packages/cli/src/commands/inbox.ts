/** `tally inbox`, `queue`, `reconcile`: what waits for a person, whether usage is counted, whether the books agree. */
import type { Command } from 'commander';
import { count, plural } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { action, command } from '../grammar.js';
import type { Output } from '../shown/output.js';
import type { Tone } from '../shown/terminal.js';
import { duration, second } from '../times.js';

export function addInboxCommands(program: Command): void {
  const inbox = command(program, 'inbox', {
    summary: 'Show what waits for a person, with the command that leads to it',
    examples: ['inbox', 'inbox --exit-code || mail -s "Tally needs you" ops@example.com'],
  }).option('--exit-code', 'end with 1 where something waits, for cron');
  action<[], { exitCode?: boolean }>(inbox, async ({ session: { api, out }, options }) => {
    const shown = await answerOf(api.GET('/v1/admin/inbox'));
    out.answer(shown, () => writeInbox(out, shown));
    if (options.exitCode === true && shown.count > 0) process.exitCode = 1;
  });
  const queue = command(program, 'queue', {
    summary: 'Show what waits on the usage queues, since when, and whose it is',
    examples: ['queue', 'queue --json | jq .oldest_seconds'],
  });
  action(queue, async ({ session: { api, out } }) => {
    const shown = await answerOf(api.GET('/v1/admin/queue'));
    out.answer(shown, () => writeQueue(out, shown));
  });
  const reconcile = command(program, 'reconcile', {
    summary: 'Check the books against each other, now; exit code 1 where they differ',
    examples: ['reconcile', 'reconcile --json | jq ".checks[] | select(.ok | not)"'],
  });
  action(reconcile, async ({ session }) => {
    const { api, out } = session;
    const checked = await session.result<Schema<'Reconciliation'>>(
      await answerOf(api.GET('/v1/admin/reconciliation')),
    );
    out.answer(checked, () => writeReconciliation(out, checked));
    if (!checked.ok) process.exitCode = 1;
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
      many: `${plural(events, 'event')} of ${count(entities)}`,
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

function writeQueue(out: Output, queue: Schema<'QueueState'>): void {
  out.fields([
    ['jobs waiting', count(queue.waiting)],
    ['of them waiting for a retry', count(queue.delayed)],
    ['in flight', count(queue.active)],
    ['failed', count(queue.failed)],
    ['paused', queue.paused ? 'yes' : 'no'],
    ['oldest waits for', duration(queue.oldest_seconds, 'nothing waits')],
  ]);
  if (queue.shards.length > 1) {
    out.line();
    out.table(
      queue.shards,
      [
        { head: 'queue', cell: ({ name }) => name },
        { head: 'waiting', cell: ({ waiting }) => count(waiting), right: true },
        { head: 'active', cell: ({ active }) => count(active), right: true },
        { head: 'failed', cell: ({ failed }) => count(failed), right: true },
        { head: 'oldest', cell: (shard) => duration(shard.oldest_seconds), right: true },
        { head: 'paused', cell: ({ paused }) => (paused ? 'yes' : ''), tone: () => 'red' },
      ],
      '',
    );
  }
  if (queue.entities.length > 0) {
    out.line();
    out.table(
      queue.entities,
      [
        { head: 'entity', cell: ({ entity }) => entity ?? '(no customer)' },
        { head: 'waiting events', cell: (row) => count(row.waiting_events), right: true },
      ],
      '',
    );
    if (queue.entities_sampled) out.line('Counted in the oldest and the newest jobs only.');
  }
}

function writeReconciliation(out: Output, { ok, checks }: Schema<'Reconciliation'>): void {
  out.table(
    checks,
    [
      { head: '', cell: (check) => (check.ok ? '✓' : '✗'), tone: (check) => (check.ok ? 'green' : 'red') },
      { head: 'check', cell: ({ name }) => name, shrinksTo: 24 },
      { head: 'left', cell: (check) => (check.ok ? '' : check.left), right: true },
      { head: 'right', cell: (check) => (check.ok ? '' : check.right), right: true },
      {
        head: 'differences',
        cell: ({ differences }) => (differences.length === 0 ? '' : count(differences.length)),
        right: true,
      },
    ],
    'No checks.',
  );
  out.line(
    ok ? 'The books agree.' : 'The books differ: --json has every difference, docs/operate.md what to do.',
  );
}
