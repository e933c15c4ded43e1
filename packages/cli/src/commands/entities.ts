/** `tally entities`: customers on a list. */
import type { Command } from 'commander';
import { count, plural, roundMoney } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, asDuration, asName, asPeriod, choice, command, limited } from '../grammar.js';
import type { Session } from '../session.js';
import type { Column } from '../shown/table.js';
import { moment } from '../times.js';
import { addEntity } from './entity.js';
import { addPlans } from './plans.js';

type Customer = Schema<'Customer'>;
type State = Schema<'CustomerState'>;

const STATES = ['cap_reached', 'out_of_credits', 'overage', 'within_limits'] as const satisfies State[];
const SORTS = [
  'entity',
  'plan',
  'month_to_date_usd',
  'previous_month_usd',
  'change_usd',
  'monthly_cap_share',
  'credits_usd',
  'credits_until',
  'held_usd',
  'denied_requests',
  'forecast_usd',
];

export function addAccountCommands(program: Command): void {
  addEntities(program);
  addEntity(program);
  addPlans(program);
}

type EntitiesOptions = {
  readonly plan?: string;
  readonly state?: State;
  readonly search?: string;
  readonly sort?: string;
  readonly period?: string;
  readonly runningOut?: number;
  readonly limit: number;
};

function addEntities(program: Command): void {
  const entities = command(program, 'entities', {
    summary: 'List customers: what they spend, what they have left, who is refused',
    examples: [
      'entities',
      'entities --running-out 7d',
      'entities --state out_of_credits',
      'entities --sort -month_to_date_usd --limit 10',
      'entities --json | jq -r ".data[].entity"',
    ],
  })
    .option('--plan <plan>', 'only those of this plan', asName)
    .addOption(choice('--state <state>', 'only those in this state', STATES))
    .option('--search <text>', 'only those with this in their name')
    .option(
      '--running-out <time>',
      'whose credits have ended, or end within this time at the pace of the last seven days',
      asDuration,
    )
    .addOption(
      choice('--sort <field>', 'by this field, with - before it for the largest first', [
        ...SORTS,
        ...SORTS.map((field) => `-${field}`),
      ]).conflicts('runningOut'),
    )
    .option('--period <month>', 'another month than the current one, such as 2026-10', asPeriod);
  limited(entities);
  action<[], EntitiesOptions>(entities, ({ session, options }) => listEntities(session, options));
}

async function listEntities({ api, out, nowSeconds }: Session, options: EntitiesOptions): Promise<void> {
  const { plan, state, search, period, limit, runningOut } = options;
  const until = runningOut === undefined ? null : nowSeconds + runningOut;
  const sort = (until === null ? options.sort : 'credits_until') as 'credits_until' | undefined;
  const { rows, hasMore, first } = await rowsOf<Customer, Schema<'CustomerList'>>(
    async (page) =>
      answerOf(
        api.GET('/v1/entities', {
          params: {
            query: {
              ...page,
              ...(plan !== undefined && { plan }),
              ...(state !== undefined && { state }),
              ...(search !== undefined && { search }),
              ...(period !== undefined && { period }),
              ...(sort !== undefined && { sort }),
            },
          },
        }),
      ),
    {
      limit,
      isWanted: (row) => until === null || (row.credits_until !== null && row.credits_until <= until),
    },
  );
  const { totals } = first;
  out.answer({ object: 'list', data: rows, has_more: hasMore, totals }, () => {
    out.table(
      rows,
      ENTITY_COLUMNS,
      until === null ? 'No entities.' : 'Nobody runs out of credits within this time.',
    );
    const gone = totals.states.out_of_credits;
    if (until !== null && gone > 0)
      out.line(
        `${plural(gone, 'customer')} ${gone === 1 ? 'is' : 'are'} out of credits now: tally entities --state out_of_credits`,
      );
    if (until === null && rows.length > 0)
      out.line(
        `${hasMore ? `${count(rows.length)} of ` : ''}${plural(totals.entities, 'customer')}; in all ${roundMoney(totals.month_to_date_usd)} in the month, ${roundMoney(totals.credits_usd)} of credits`,
      );
  });
}

const ENTITY_COLUMNS: Column<Customer>[] = [
  { head: 'entity', cell: ({ entity }) => entity, shrinksTo: 16 },
  { head: 'plan', cell: ({ plan }) => plan, rank: 3, shrinksTo: 8 },
  { head: 'state', cell: ({ state }) => state.replaceAll('_', ' '), tone: ({ state }) => TONES[state] },
  { head: 'month', cell: (row) => roundMoney(row.month_to_date_usd), right: true },
  { head: 'of cap', cell: ({ monthly_cap_share: share }) => percent(share), right: true, rank: 2 },
  { head: 'credits', cell: (row) => roundMoney(row.credits_usd), right: true },
  { head: 'last until', cell: lastUntil, rank: 1 },
  { head: 'denied 1d', cell: ({ denied_requests: denied }) => count(denied, '?'), right: true, rank: 4 },
  { head: 'forecast', cell: (row) => roundMoney(row.forecast_usd), right: true, rank: 5 },
];

/** Customers that spent credits within seven days, have none left and are refused for that run out now. */
function lastUntil({ state, credits_until: until }: Customer): string {
  return state === 'out_of_credits' && until !== null ? 'now' : moment(until).slice(0, 10);
}

const TONES = { cap_reached: 'red', out_of_credits: 'red', overage: 'yellow', within_limits: null } as const;

/** `"0.8312"` → `83 %`. */
function percent(share: string | null): string {
  return share === null ? '–' : `${Math.floor(Number(share) * 100)} %`;
}
