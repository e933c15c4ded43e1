/** `tally prices import`: a price map, with the difference by model and field before it counts. */
import type { Command } from 'commander';
import { count } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { action, asks, command } from '../grammar.js';
import { contentOf, parsedJson } from '../files.js';
import type { Output } from '../shown/output.js';

type ImportOptions = ChangeOptions & {
  readonly allowLossy?: boolean;
  readonly allowFree?: boolean;
  readonly overwrite?: boolean;
};

type Import = Schema<'PriceImport'>;

export function addImport(prices: Command): void {
  const imported = asks(
    command(prices, 'import <file>', {
      summary: 'Publish the list prices of a price map that differ from those in force',
      more: "The file is LiteLLM's model_prices_and_context_window.json, models.dev's api.json or genai-prices' data.json.",
      examples: [
        'prices import model_prices_and_context_window.json --dry-run',
        'prices import model_prices_and_context_window.json --yes',
        'prices import - --dry-run --json < map.json | jq ".skipped | length"',
      ],
    })
      .option(
        '--allow-lossy',
        'also import entries with fields that Tally cannot charge, without these fields',
      )
      .option('--allow-free', 'also import entries whose prices are 0')
      .option('--overwrite', 'replace prices that were set by hand'),
  );
  action<[string], ImportOptions>(imported, async ({ session, args: [file], options }) => {
    const { api, out } = session;
    const body = await contentOf(file);
    parsedJson(body, file);
    const query = {
      ...(options.allowLossy === true && { allow_lossy: true }),
      ...(options.allowFree === true && { allow_free: true }),
      ...(options.overwrite === true && { overwrite: true }),
    };
    const send = async (attempt: Attempt) =>
      session.result<Import>(
        await answerOf(
          api.POST('/v1/admin/prices/import', {
            params: { ...attempt, query: { ...query, ...attempt.query } },
            headers: { 'content-type': 'application/json' },
            body: body as unknown as Record<string, never>,
            bodySerializer: (text) => text as unknown as string,
          }),
        ),
      );
    const made = await change(session, options, {
      name: 'prices import',
      plan: (to, seen) =>
        seen === null ? to.line(`Import ${file}.`) : writeImport(to, seen, 'would be published'),
      ...sentBy(send),
    });
    if (made !== null) out.answer(made, () => writeImport(out, made, 'published'));
  });
}

const SHOWN_MAX = 200;

function writeImport(to: Output, { changes, unchanged, skipped, kept }: Import, verb: string): void {
  const rows = changes.flatMap(({ model, before, fields }) =>
    fields.map((field) => ({ model: before === null ? `${model} (new)` : model, ...field })),
  );
  if (rows.length > 0)
    to.table(
      rows.slice(0, SHOWN_MAX),
      [
        { head: 'model', cell: ({ model }) => model, shrinksTo: 16 },
        { head: 'field', cell: ({ field }) => field, shrinksTo: 14 },
        { head: 'before', cell: ({ before }) => valueOf(before), shrinksTo: 8 },
        { head: 'after', cell: ({ after }) => valueOf(after), shrinksTo: 8 },
      ],
      '',
    );
  if (rows.length > SHOWN_MAX)
    to.line(`… and ${count(rows.length - SHOWN_MAX)} more fields: --json shows all.`);
  to.line(
    `${count(changes.length)} ${verb}, ${count(unchanged)} unchanged, ${count(kept.length)} kept (set by hand: --overwrite), ${count(skipped.length)} skipped.`,
  );
  const reasons = new Map<string, number>();
  for (const { reason } of skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const [reason, times] of reasons) to.line(`  skipped ${count(times)}: ${reason}`);
}

function valueOf(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
