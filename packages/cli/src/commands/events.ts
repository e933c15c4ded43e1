/** `tally events …` and `tally void`: what was counted, one by one. */
import type { Command } from 'commander';
import { answerOf } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, asPeriod, asSince, command, group, limited } from '../grammar.js';
import { costOf, queryOf, selected, type Event, type Selection } from '../shown/counted.js';
import { quantitiesOf } from '../shown/quantities.js';
import type { Column } from '../shown/table.js';
import { second } from '../times.js';
import { addTail } from './event-tail.js';
import { addShow, addVoid } from './voids.js';

export function addEventCommands(program: Command): void {
  const events = group(program, 'events', 'List and follow counted usage');
  addList(events);
  addTail(events);
  addShow(events);
  addVoid(program);
}

type ListOptions = Selection & {
  readonly since?: number;
  readonly until?: number;
  readonly period?: string;
  readonly request?: string;
  readonly reservation?: string;
  readonly limit: number;
};

function addList(events: Command): void {
  const list = selected(
    command(events, 'list <entity>', {
      summary:
        "List a customer's counted events, newest first; of the current month where nothing else is said",
      examples: [
        'events list acme',
        'events list acme --project search --since 2h',
        'events list acme --period 2026-10',
        'events list acme --request req_1',
      ],
    }),
  )
    .option('--since <time>', 'occurred from then on: 2h, 7d, 2026-11-01', asSince)
    .option('--until <time>', 'occurred before then', asSince)
    .option('--period <month>', 'what this month charged', asPeriod)
    .option('--request <id>', 'only that of this request')
    .option('--reservation <id>', 'only the one that ended this reservation');
  limited(list, 20);
  action<[string], ListOptions>(list, async ({ session: { api, out }, args: [entity], options }) => {
    const { since, until, period, request, reservation, limit } = options;
    const { rows, hasMore } = await rowsOf(
      async (page) =>
        answerOf(
          api.GET('/v1/entities/{entity}/events', {
            params: {
              path: { entity },
              query: {
                ...page,
                ...queryOf(options),
                ...(since !== undefined && { start_time: since }),
                ...(until !== undefined && { end_time: until }),
                ...(period !== undefined && { period }),
                ...(request !== undefined && { request_id: request }),
                ...(reservation !== undefined && { reservation_id: reservation }),
              },
            },
          }),
        ),
      { limit },
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, COLUMNS, 'No events.'),
    );
  });
}

const COLUMNS: Column<Event>[] = [
  { head: 'occurred', cell: (event) => second(event.occurred_at).replace(' UTC', '') },
  { head: 'event', cell: (event) => event.event_id },
  { head: 'project', cell: ({ project }) => project, shrinksTo: 8, rank: 1 },
  { head: 'model', cell: ({ model }) => model, shrinksTo: 12, rank: 2 },
  { head: 'quantities', cell: ({ quantities }) => quantitiesOf(quantities), shrinksTo: 14, rank: 3 },
  {
    head: 'cost',
    cell: costOf,
    right: true,
    tone: (event) => (event.unpriced || event.corrections.length > 0 ? 'yellow' : null),
  },
];
