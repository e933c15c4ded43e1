/** `tally prices rerate`: charges past usage by the price book as it is now. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { action, asks, asName, asTime, command } from '../grammar.js';
import type { Output } from '../shown/output.js';
import { second } from '../times.js';

type RerateOptions = ChangeOptions & {
  readonly from: string;
  readonly to: string;
  readonly entity?: string;
  readonly reason: string;
};

export function addRerate(prices: Command): void {
  const rerate = asks(
    command(prices, 'rerate <model>', {
      summary: 'Charge past usage of a model by the price book as it is now',
      examples: [
        'prices rerate acme-chat-1 --from 2026-11-01 --to 2026-12-01 --reason "the price was wrong" --dry-run',
        'prices rerate acme-chat-1 --from 2026-11-01 --to 2026-12-01 --entity acme --reason "agreed price" --yes',
      ],
    })
      .requiredOption('--from <time>', 'usage from then on', asTime)
      .requiredOption('--to <time>', 'usage before then', asTime)
      .requiredOption('--reason <text>', 'why; it stays with each correction')
      .option('--entity <entity>', 'only of this customer', asName),
  );
  action<[string], RerateOptions>(rerate, async ({ session, args: [model], options }) => {
    const { api, out } = session;
    const { from, to: end, reason, entity } = options;
    const body = { model, from, to: end, reason, ...(entity !== undefined && { entity }) };
    const send = async (attempt: Attempt) =>
      session.result<Schema<'Rerating'>>(
        await answerOf(api.POST('/v1/admin/prices/rerate', { params: attempt, body })),
      );
    const made = await change(session, options, {
      name: 'prices rerate',
      plan: (to, seen) => {
        to.line(`Charge the usage of ${model} again, from ${second(from)} to ${second(end)}:`);
        if (seen !== null) writeRerating(to, seen);
      },
      ...sentBy(send),
    });
    if (made !== null) out.answer(made, () => writeRerating(out, made));
  });
}

function writeRerating(to: Output, rerating: Schema<'Rerating'>): void {
  to.table(
    rerating.entities,
    [
      { head: 'entity', cell: ({ entity }) => entity, shrinksTo: 12 },
      { head: 'events', cell: ({ changed }) => count(changed), right: true },
      { head: 'before', cell: (row) => money(row.old_usd), right: true, rank: 1 },
      { head: 'after', cell: (row) => money(row.new_usd), right: true, rank: 1 },
      { head: 'change', cell: (row) => money(row.delta_usd), right: true },
    ],
    'No charge changes.',
  );
  const part = rerating.complete ? '' : ', and there are more than a preview looks at';
  to.line(
    `Events that change: ${count(rerating.changed)} of ${count(rerating.looked_at)}, ${money(rerating.old_usd)} → ${money(rerating.new_usd)}${part}.`,
  );
}
