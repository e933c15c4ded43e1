/** What a customer was charged and why: `tally ledger`, `denials`, `holds`, `usage`, `statement`. */
import type { Command } from 'commander';
import { count, money, roundMoney } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, asList, asSince, choice, command, limited } from '../grammar.js';
import { queryOf, selected, type Selection } from '../shown/counted.js';
import { sentenceOf } from '../shown/denial.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { duration, moment } from '../times.js';
import { addStatement } from './statement.js';

export function addReportCommands(program: Command): void {
  addLedger(program);
  addDenials(program);
  addHolds(program);
  addUsage(program);
  addStatement(program);
}

const KINDS = [
  'purchase',
  'promotion',
  'burn',
  'overage',
  'expiry',
  'void',
  'refund',
  'void_debt',
  'refund_debt',
  'debt_payment',
  'burn_reversal',
  'overage_reversal',
] as const satisfies Schema<'LedgerEntryKind'>[];

type LedgerOptions = {
  readonly kind?: Schema<'LedgerEntryKind'>;
  readonly grant?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
};

function addLedger(program: Command): void {
  const ledger = command(program, 'ledger <entity>', {
    summary: "List a customer's ledger entries, newest first",
    examples: ['ledger acme', 'ledger acme --kind purchase', 'ledger acme --since 30d --json'],
  })
    .addOption(choice('--kind <kind>', 'only entries of this kind', KINDS))
    .option('--grant <id>', 'only entries of this grant')
    .option('--since <time>', 'booked from then on: 7d, 24h, 2026-11-01', asSince)
    .option('--until <time>', 'booked before then', asSince);
  limited(ledger);
  action<[string], LedgerOptions>(ledger, async ({ session: { api, out }, args: [entity], options }) => {
    const { kind, grant, since, until, limit } = options;
    const { rows, hasMore } = await rowsOf(
      async (page) =>
        answerOf(
          api.GET('/v1/admin/entities/{entity}/ledger', {
            params: {
              path: { entity },
              query: {
                ...page,
                ...(kind !== undefined && { kind }),
                ...(grant !== undefined && { grant }),
                ...(since !== undefined && { start_time: since }),
                ...(until !== undefined && { end_time: until }),
              },
            },
          }),
        ),
      { limit },
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, LEDGER_COLUMNS, 'No entries.'),
    );
  });
}

const LEDGER_COLUMNS: Column<Schema<'LedgerEntry'>>[] = [
  { head: 'booked', cell: ({ booked_at: at }) => moment(at) },
  { head: 'kind', cell: ({ kind }) => kind.replaceAll('_', ' ') },
  { head: 'amount', cell: (entry) => money(entry.amount_usd), right: true },
  { head: 'from', cell: (entry) => entry.debit_account, shrinksTo: 10, rank: 2 },
  { head: 'to', cell: (entry) => entry.credit_account, shrinksTo: 10, rank: 2 },
  { head: 'grant', cell: ({ grant }) => grant ?? '', rank: 1 },
  { head: 'reference', cell: ({ reference }) => reference ?? '', shrinksTo: 8, rank: 3 },
  { head: 'period', cell: ({ period }) => period, rank: 4 },
];

const LIMITS = [
  'credits',
  'project_monthly_cap',
  'entity_monthly_cap',
  'entity_yearly_cap',
  'concurrency',
] as const satisfies Schema<'QuotaLimit'>[];

function addDenials(program: Command): void {
  const denials = command(program, 'denials <entity>', {
    summary: 'List the newest requests that were refused, with the reason of each',
    examples: ['denials acme', 'denials acme --limit-name credits', 'explain dec_….acme'],
  }).addOption(choice('--limit-name <name>', 'only those that this limit refused', LIMITS));
  limited(denials, 20);
  action<[string], { limitName?: Schema<'QuotaLimit'>; limit: number }>(
    denials,
    async ({ session: { api, out }, args: [entity], options: { limitName, limit } }) => {
      const { rows, hasMore, first } = await rowsOf<Schema<'DeniedDecision'>, Schema<'DenialList'>>(
        async (page) =>
          answerOf(
            api.GET('/v1/entities/{entity}/denials', {
              params: {
                path: { entity },
                query: { ...page, ...(limitName !== undefined && { denied_by: limitName }) },
              },
            }),
          ),
        { limit },
      );
      out.answer({ object: 'list', data: rows, has_more: hasMore, hours: first.hours }, () => {
        out.table(rows, DENIAL_COLUMNS, 'No denied requests in the last day; older ones are not kept.');
        const denied = first.hours.reduce((sum, hour) => sum + hour.denied, 0);
        if (denied > 0) out.line(`${count(denied)} in the last seven days. Why: tally explain DECISION`);
      });
    },
  );
}

const DENIAL_COLUMNS: Column<Schema<'DeniedDecision'>>[] = [
  { head: 'at', cell: ({ created_at: at }) => moment(at) },
  { head: 'decision', cell: ({ id }) => id },
  { head: 'project', cell: ({ project }) => project, shrinksTo: 12, rank: 3 },
  { head: 'limit', cell: ({ limit }) => limit.replaceAll('_', ' '), rank: 2 },
  { head: 'why', cell: sentenceOf, shrinksTo: 24, rank: 1 },
];

function addHolds(program: Command): void {
  const holds = command(program, 'holds <entity>', {
    summary: "List what a customer's requests in flight and leases hold",
    examples: ['holds acme', 'holds acme --json'],
  });
  limited(holds);
  action<[string], { limit: number }>(holds, async ({ session: { api, out }, args: [entity], options }) => {
    const { rows, hasMore } = await rowsOf(
      async (query) =>
        answerOf(api.GET('/v1/admin/entities/{entity}/holds', { params: { path: { entity }, query } })),
      options,
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, HOLD_COLUMNS, `${entity} holds nothing.`),
    );
  });
}

const HOLD_COLUMNS: Column<Schema<'Hold'>>[] = [
  { head: 'id', cell: ({ id }) => id },
  { head: 'holds', cell: (hold) => money(hold.hold_usd), right: true },
  { head: 'age', cell: (hold) => duration(hold.age_seconds), right: true },
  { head: 'expires', cell: (hold) => moment(hold.expires_at), rank: 2 },
  { head: 'project', cell: ({ project }) => project, shrinksTo: 10, rank: 1 },
  { head: 'model', cell: ({ kind, model }) => model ?? kind, shrinksTo: 12, rank: 3 },
  { head: 'request', cell: (hold) => hold.request_id ?? '', shrinksTo: 10, rank: 4 },
];

type UsageOptions = Selection & {
  readonly groupBy: readonly string[];
  readonly since?: number;
  readonly until?: number;
  readonly by?: 'hour' | 'day';
};

function addUsage(program: Command): void {
  const usage = selected(
    command(program, 'usage <entity>', {
      summary: "Sum up a customer's usage; of the current month where --since is left out",
      examples: [
        'usage acme',
        'usage acme --group-by model --since 7d',
        'usage acme --group-by project,tag:team --since 2026-11-01 --until 2026-12-01',
        'usage acme --group-by model --by day --since 7d --json',
        'usage acme --group-by user --tag team:search',
      ],
    }),
  )
    .option(
      '--group-by <fields>',
      'up to two of project, model, operation, service_tier, user, api_key, meter, tag:<name> (default: project,model)',
      asList,
    )
    .option('--since <time>', 'from then on: 7d, 24h, 2026-11-01; whole hours', asSince)
    .option('--until <time>', 'before then', asSince)
    .addOption(choice('--by <width>', 'a row for each hour or day', ['hour', 'day']));
  action<[string], UsageOptions>(usage, async ({ session: { api, out }, args: [entity], options }) => {
    const { groupBy, since, until, by } = options;
    const shown = await answerOf(
      api.GET('/v1/entities/{entity}/usage', {
        params: {
          path: { entity },
          query: {
            ...(groupBy !== undefined && { group_by: [...groupBy] }),
            ...(since !== undefined && { start_time: wholeHour(since) }),
            ...(until !== undefined && { end_time: wholeHour(until) }),
            ...(by !== undefined && { bucket_width: by === 'hour' ? ('1h' as const) : ('1d' as const) }),
            ...queryOf(options),
          },
        },
      }),
    );
    out.answer(shown, () => writeUsage(out, shown));
  });
}

function wholeHour(seconds: number): number {
  return seconds - (seconds % 3_600);
}

function writeUsage(out: Output, { start_time, end_time, group_by, data }: Schema<'EntityUsage'>): void {
  type Row = Schema<'EntityUsageRow'>;
  const groups = group_by.map((name): Column<Row> => ({
    head: name,
    cell: (row) => (row as unknown as Record<string, string | null>)[name] ?? '–',
    shrinksTo: 12,
  }));
  const columns: Column<Row>[] = [
    { head: 'from', cell: (row) => moment(row.start_time, '') },
    ...groups,
    { head: 'requests', cell: (row) => count(row.requests), right: true, rank: 1 },
    { head: 'input', cell: (row) => count(row.input_tokens), right: true, rank: 2 },
    { head: 'cached', cell: (row) => count(row.cached_input_tokens), right: true, rank: 4 },
    { head: 'output', cell: (row) => count(row.output_tokens), right: true, rank: 3 },
    { head: 'cost', cell: (row) => roundMoney(row.cost_usd), right: true },
    {
      head: 'without price',
      cell: (row) => row.unpriced_meters.join(', '),
      shrinksTo: 8,
      tone: () => 'yellow',
    },
  ];
  out.line(`${moment(start_time)} to ${moment(end_time)} UTC`);
  out.table(data, columns, 'No usage.');
}
