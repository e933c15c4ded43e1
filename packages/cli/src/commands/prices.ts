/** `tally prices list`, `show`, `unpriced`: the price book, and usage that waits for a price. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, asName, asTime, command, group, limited } from '../grammar.js';
import { pricesOf, writePrice } from '../shown/price.js';
import { quantitiesOf } from '../shown/quantities.js';
import type { Column } from '../shown/table.js';
import { moment } from '../times.js';
import { addImport } from './price-import.js';
import { addPublish } from './price-publishing.js';
import { addRerate } from './rerating.js';

type Price = Schema<'Price'>;

export function addPriceCommands(program: Command): void {
  const prices = group(program, 'prices', 'Read the price book, publish and import prices, charge again');
  addList(prices);
  const show = command(prices, 'show <price>', {
    summary: 'Show a price version with all its prices and variants',
    examples: ['prices show 7', 'prices show 7 --json > price.json'],
  });
  action<[string]>(show, async ({ session: { api, out }, args: [id] }) => {
    const price = await answerOf(api.GET('/v1/admin/prices/{id}', { params: { path: { id } } }));
    out.answer(price, () => writePrice(out, price));
  });
  addUnpriced(prices);
  addPublish(prices);
  addImport(prices);
  addRerate(prices);
}

type ListOptions = {
  readonly model?: string;
  readonly entity?: string;
  readonly source?: string;
  readonly at?: string;
  readonly all?: boolean;
  readonly limit: number;
};

function addList(prices: Command): void {
  const list = command(prices, 'list', {
    summary: 'List the prices in force',
    examples: ['prices list', 'prices list --model claude-sonnet-4-5 --all', 'prices list --entity acme'],
  })
    .option('--model <model>', 'only those of this model')
    .option('--entity <entity>', "the list prices and this customer's own", asName)
    .option('--source <text>', 'only those from there, such as "price map"')
    .option('--at <time>', 'those in force at that time; now otherwise', asTime)
    .option('--all', 'every version, also of the past and of the future');
  limited(list, 100);
  action<[], ListOptions>(list, async ({ session: { api, out, nowMs }, options }) => {
    const { model, entity, source, all, limit } = options;
    const at = options.at ?? (all === true ? undefined : new Date(nowMs).toISOString());
    const { rows, hasMore } = await rowsOf(
      async (page) =>
        answerOf(
          api.GET('/v1/admin/prices', {
            params: {
              query: {
                ...page,
                ...(model !== undefined && { model }),
                ...(entity !== undefined && { entity }),
                ...(source !== undefined && { source }),
                ...(at !== undefined && { at }),
              },
            },
          }),
        ),
      { limit },
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, COLUMNS, 'No prices.'),
    );
  });
}

const COLUMNS: Column<Price>[] = [
  { head: 'price', cell: ({ id }) => id, right: true },
  { head: 'model', cell: ({ model }) => model, shrinksTo: 18 },
  { head: 'entity', cell: ({ entity }) => entity ?? '', shrinksTo: 8 },
  { head: 'input/M', cell: (price) => money(price.input_usd_per_million), right: true },
  { head: 'cached/M', cell: (price) => money(price.cached_input_usd_per_million), right: true, rank: 2 },
  { head: 'output/M', cell: (price) => money(price.output_usd_per_million), right: true },
  { head: 'others', cell: othersOf, shrinksTo: 10, rank: 4 },
  { head: 'from', cell: (price) => moment(price.effective_from), rank: 1 },
  { head: 'source', cell: ({ source }) => source, shrinksTo: 8, rank: 3 },
];

const USUAL = ['input_usd_per_million', 'cached_input_usd_per_million', 'output_usd_per_million'];

function othersOf(price: Price): string {
  const others = pricesOf(price).filter(([field]) => !USUAL.includes(field)).length;
  const variants = price.variants?.length ?? 0;
  return [
    others === 0 ? '' : `${others} more`,
    variants === 0 ? '' : `${variants} ${variants === 1 ? 'variant' : 'variants'}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function addUnpriced(prices: Command): void {
  const unpriced = command(prices, 'unpriced', {
    summary: 'List usage that waits for a price, by model and customer',
    examples: ['prices unpriced', 'prices unpriced --model claude-sonnet-4-5'],
  })
    .option('--model <model>', 'only that of this model')
    .option('--entity <entity>', 'only that of this customer', asName);
  limited(unpriced);
  action<[], { model?: string; entity?: string; limit: number }>(
    unpriced,
    async ({ session: { api, out }, options: { model, entity, limit } }) => {
      const { rows, hasMore } = await rowsOf(
        async (page) =>
          answerOf(
            api.GET('/v1/admin/prices/unpriced', {
              params: {
                query: {
                  ...page,
                  ...(model !== undefined && { model }),
                  ...(entity !== undefined && { entity }),
                },
              },
            }),
          ),
        { limit },
      );
      out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
        out.table(rows, UNPRICED_COLUMNS, 'No usage waits for a price.'),
      );
    },
  );
}

const UNPRICED_COLUMNS: Column<Schema<'UnpricedUsage'>>[] = [
  { head: 'model', cell: ({ model }) => model, shrinksTo: 16 },
  { head: 'entity', cell: ({ entity }) => entity, shrinksTo: 12 },
  { head: 'events', cell: ({ events }) => count(events), right: true },
  { head: 'meters', cell: ({ quantities }) => quantitiesOf(quantities), shrinksTo: 16, rank: 1 },
  { head: 'first', cell: (row) => moment(row.first_occurred_at), rank: 3 },
  { head: 'last', cell: (row) => moment(row.last_occurred_at), rank: 2 },
];
