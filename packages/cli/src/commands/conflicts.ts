/** `tally conflicts …`: events that came again with other content than was counted. */
import type { Command } from 'commander';
import { count } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, asName, asSince, choice, command, group, limited } from '../grammar.js';
import { quantitiesOf } from '../shown/quantities.js';
import type { Column } from '../shown/table.js';
import { moment, second } from '../times.js';
import { addCount, addReview } from './conflict-ends.js';

type Conflict = Schema<'UsageConflict'>;
type Status = Schema<'ConflictStatus'>;

export function addConflictCommands(program: Command): void {
  const conflicts = group(program, 'conflicts', 'Compare events that came again with other content');
  addList(conflicts);
  addShow(conflicts);
  addCount(conflicts);
  addReview(conflicts);
}

type ListOptions = { entity?: string; since?: number; status?: Status; limit: number };

function addList(conflicts: Command): void {
  const list = command(conflicts, 'list', {
    summary: 'List conflicts, last seen first; open ones unless --status says otherwise',
    examples: ['conflicts list', 'conflicts list --entity acme --since 7d'],
  })
    .option('--entity <entity>', 'only those of this customer', asName)
    .option('--since <time>', 'last seen from then on: 7d, 24h, 2026-11-01', asSince)
    .addOption(choice('--status <status>', 'in this state', STATUSES).default('open'));
  limited(list);
  action<[], ListOptions>(list, async ({ session: { api, out }, options }) => {
    const { entity, since, status, limit } = options;
    const { rows, hasMore } = await rowsOf(
      async (page) =>
        answerOf(
          api.GET('/v1/admin/usage_conflicts', {
            params: {
              query: {
                ...page,
                ...(entity !== undefined && { entity }),
                ...(since !== undefined && { start_time: since }),
                ...(status !== undefined && { status }),
              },
            },
          }),
        ),
      { limit },
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, COLUMNS, `No conflicts are ${status}.`),
    );
  });
}

const STATUSES = ['open', 'reviewed', 'counted'] as const;

const COLUMNS: Column<Conflict>[] = [
  { head: 'conflict', cell: ({ id }) => id },
  { head: 'entity', cell: ({ entity }) => entity, shrinksTo: 8 },
  { head: 'event', cell: (conflict) => conflict.event_id, shrinksTo: 10 },
  { head: 'differs in', cell: (conflict) => differing(conflict).join(', '), shrinksTo: 10, rank: 1 },
  { head: 'seen', cell: (conflict) => count(conflict.seen_count), right: true, rank: 3 },
  { head: 'last seen', cell: (conflict) => moment(conflict.last_seen_at), rank: 2 },
];

type Content = Schema<'EventContent'>;
const COMPARED = [
  'project',
  'time',
  'model',
  'operation',
  'quantities',
  'service_tier',
  'region',
  'attributes',
] as const;

function differing({ counted, other }: Conflict): string[] {
  if (counted === null) return ['the counted event is gone'];
  return COMPARED.filter((field) => JSON.stringify(counted[field]) !== JSON.stringify(other[field]));
}

function addShow(conflicts: Command): void {
  const show = command(conflicts, 'show <conflict>', {
    summary: 'Show both contents, field by field',
    examples: ['conflicts show conflict_1f….acme'],
  });
  action<[string]>(show, async ({ session: { api, out }, args: [id] }) => {
    const conflict = await answerOf(api.GET('/v1/admin/usage_conflicts/{id}', { params: { path: { id } } }));
    out.answer(conflict, () => {
      out.fields([
        ['conflict', conflict.id],
        ['event', `${conflict.event_id} of ${conflict.source}`],
        ['status', conflict.status],
        [
          'reviewed',
          conflict.reviewed_at === null
            ? ''
            : `${second(conflict.reviewed_at)} by ${conflict.reviewed_by ?? '?'}`,
        ],
        ['note', conflict.review_note ?? ''],
      ]);
      out.line();
      out.table(
        COMPARED.map((field) => ({
          field,
          counted: conflict.counted === null ? 'gone' : textOf(conflict.counted, field),
          other: textOf(conflict.other, field),
        })),
        [
          { head: 'field', cell: ({ field }) => field.replaceAll('_', ' ') },
          { head: 'counted', cell: ({ counted }) => counted, shrinksTo: 14 },
          {
            head: 'other',
            cell: ({ other }) => other,
            shrinksTo: 14,
            tone: (row) => (row.counted === row.other ? null : 'yellow'),
          },
        ],
        '',
      );
    });
  });
}

function textOf(content: Content, field: (typeof COMPARED)[number]): string {
  if (field === 'quantities') return quantitiesOf(content.quantities);
  const value = content[field];
  return value === null ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}
