/** `tally focus` and `tally corrections`: what finance takes away, and what changed a month afterwards. */
import type { Command } from 'commander';
import { Readable } from 'node:stream';
import { money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { NoAnswer } from '../failures.js';
import { action, asName, asPeriod, choice, command, limited } from '../grammar.js';
import type { Column } from '../shown/table.js';
import { moment } from '../times.js';

export function addExportCommands(program: Command): void {
  addFocus(program);
  addCorrections(program);
}

function addFocus(program: Command): void {
  const focus = command(program, 'focus <period>', {
    summary: 'Print a month as FOCUS Cost and Usage rows (CSV)',
    more: 'Exit code 1 where the export breaks off: what was printed until then is incomplete.',
    examples: ['focus 2026-10 > focus-2026-10.csv', 'focus 2026-10 --entity acme > acme.csv'],
  }).option('--entity <entity>', 'only this customer', asName);
  action<[string], { entity?: string }>(focus, async ({ session: { api }, args: [period], options }) => {
    const query = { period, ...(options.entity !== undefined && { entity: options.entity }) };
    const rows: unknown = await answerOf(
      api.GET('/v1/exports/focus.csv', {
        params: { query },
        headers: { accept: 'text/csv' },
        parseAs: 'stream',
      }),
    );
    try {
      for await (const chunk of Readable.fromWeb(rows as Parameters<typeof Readable.fromWeb>[0]))
        if (!process.stdout.write(chunk as Uint8Array))
          await new Promise((resolve) => process.stdout.once('drain', resolve));
    } catch {
      throw new NoAnswer('The export broke off: what was printed is incomplete.', false);
    }
  });
}

type CorrectionOptions = {
  readonly period?: string;
  readonly kind?: Schema<'CorrectionKind'>;
  readonly limit: number;
};

const KINDS = ['void', 'rerate', 'late_usage'] as const satisfies Schema<'CorrectionKind'>[];

function addCorrections(program: Command): void {
  const corrections = command(program, 'corrections [entity]', {
    summary: 'List voids, re-ratings and late usage with the month that each corrects, newest first',
    examples: ['corrections acme --period 2026-11', 'corrections --kind void'],
  })
    .option('--period <month>', 'booked in this month, such as 2026-11', asPeriod)
    .addOption(choice('--kind <kind>', 'only those of this kind', KINDS));
  limited(corrections, 20);
  action<[string | undefined], CorrectionOptions>(
    corrections,
    async ({ session: { api, out }, args: [entity], options: { period, kind, limit } }) => {
      const of = {
        ...(entity !== undefined && { entity: asName(entity) }),
        ...(period !== undefined && { period }),
        ...(kind !== undefined && { kind }),
      };
      const { rows, hasMore } = await rowsOf(
        async (page) =>
          answerOf(api.GET('/v1/admin/usage_corrections', { params: { query: { ...page, ...of } } })),
        { limit },
      );
      out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
        out.table(rows, COLUMNS, 'No corrections.'),
      );
    },
  );
}

const COLUMNS: Column<Schema<'UsageCorrection'>>[] = [
  { head: 'booked', cell: (row) => moment(row.booked_at) },
  { head: 'kind', cell: ({ kind }) => kind },
  { head: 'event', cell: (row) => row.event_id },
  { head: 'of', cell: ({ entity, project }) => `${entity}/${project}`, shrinksTo: 10, rank: 1 },
  { head: 'change', cell: (row) => money(row.cost_usd), right: true },
  { head: 'in', cell: ({ period }) => period },
  { head: 'corrects', cell: (row) => row.corrected_period, rank: 3 },
  { head: 'reason', cell: ({ reason }) => reason ?? '', shrinksTo: 10, rank: 2 },
];
