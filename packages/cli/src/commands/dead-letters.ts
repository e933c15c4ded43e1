/** `tally dead-letters …`: events that could not be counted. */
import type { Command } from 'commander';
import { count, plural } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, choice, command, group, limited } from '../grammar.js';
import { filtered, filterOf, subjectOf, type Filter } from '../shown/letter.js';
import type { Column } from '../shown/table.js';
import { moment, second } from '../times.js';
import { addDiscard, addReplay } from './dead-letter-ends.js';

type Letter = Schema<'DeadLetter'>;
type Status = Schema<'DeadLetterStatus'>;

export function addDeadLetterCommands(program: Command): void {
  const letters = group(
    program,
    'dead-letters',
    'List, mend, replay and discard events that could not be counted',
  );
  addList(letters);
  addShow(letters);
  addReplay(letters);
  addDiscard(letters);
}

function addList(letters: Command): void {
  const list = filtered(
    command(letters, 'list', {
      summary: 'List dead letters, last seen first; open ones unless --status says otherwise',
      examples: ['dead-letters list', 'dead-letters list --entity acme --code invalid_tokens --since 24h'],
    }),
  ).addOption(
    choice('--status <status>', 'in this state', ['open', 'replayed', 'discarded']).default('open'),
  );
  limited(list);
  action<[], Filter & { status: Status; limit: number }>(
    list,
    async ({ session: { api, out }, options: { status, limit, ...filter } }) => {
      const { rows, hasMore } = await rowsOf(
        async (page) =>
          answerOf(
            api.GET('/v1/admin/dead_letters', {
              params: { query: { ...page, status, ...filterOf(filter) } },
            }),
          ),
        { limit },
      );
      out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
        out.table(rows, COLUMNS, `No dead letters are ${status}.`),
      );
    },
  );
}

const COLUMNS: Column<Letter>[] = [
  { head: 'letter', cell: ({ id }) => id },
  { head: 'code', cell: ({ code }) => code },
  { head: 'of', cell: subjectOf, shrinksTo: 10, rank: 1 },
  { head: 'event', cell: (letter) => letter.event_id ?? '', shrinksTo: 10, rank: 3 },
  { head: 'seen', cell: (letter) => count(letter.seen_count), right: true, rank: 4 },
  { head: 'last seen', cell: (letter) => moment(letter.last_seen_at), rank: 2 },
  { head: 'message', cell: ({ message }) => message, shrinksTo: 16, rank: 5 },
];

function addShow(letters: Command): void {
  const show = command(letters, 'show <letter>', {
    summary: 'Show a dead letter with the reason and the event as it arrived',
    examples: ['dead-letters show 12'],
  });
  action<[string]>(show, async ({ session: { api, out }, args: [id] }) => {
    const letter = await answerOf(api.GET('/v1/admin/dead_letters/{id}', { params: { path: { id } } }));
    out.answer(letter, () => {
      out.fields([
        ['letter', letter.id],
        ['status', letter.status],
        ['code', letter.code],
        ['message', letter.message],
        ['of', subjectOf(letter)],
        ['source', letter.source ?? ''],
        ['event', letter.event_id ?? ''],
        ['seen', `${plural(letter.seen_count, 'time')}, last ${second(letter.last_seen_at)}`],
      ]);
      out.line();
      for (const line of JSON.stringify(letter.payload, null, 2).split('\n')) out.line(line);
    });
  });
}
