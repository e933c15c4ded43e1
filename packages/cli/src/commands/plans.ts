/** `tally plans`: lists plans, and changes the limits that their customers begin with. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, answerOrNull, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { WrongUse } from '../failures.js';
import { action, asks, asUsd, choice, command, reading } from '../grammar.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { readCap, readConcurrency, orNull, writeChanged } from './limit-values.js';

type Plan = Schema<'Plan'>;

export function addPlans(program: Command): void {
  const plans = command(program, 'plans', {
    summary: 'List the plans with their default limits',
    examples: ['plans', 'plans --json', 'plans set pro --monthly-cap 6000'],
  });
  action(plans, async ({ session: { api, out } }) => {
    const { rows } = await rowsOf(
      async (page) => answerOf(api.GET('/v1/admin/plans', { params: { query: page } })),
      { limit: 1_000 },
    );
    out.answer({ object: 'list', data: rows }, () => out.table(rows, PLAN_COLUMNS, 'No plans.'));
  });
  addSet(plans);
}

const PLAN_COLUMNS: Column<Plan>[] = [
  { head: 'plan', cell: ({ plan }) => plan },
  { head: 'monthly cap', cell: (plan) => money(plan.monthly_cap_usd, 'none'), right: true },
  { head: 'yearly cap', cell: (plan) => money(plan.yearly_cap_usd, 'none'), right: true },
  { head: 'overage', cell: ({ overage }) => overage },
  { head: 'concurrent', cell: (plan) => count(plan.max_concurrent_requests, 'no limit'), right: true },
  { head: 'monthly credit', cell: (plan) => money(plan.monthly_credit_usd), right: true },
];

type SetOptions = ChangeOptions & {
  readonly monthlyCap?: string;
  readonly yearlyCap?: string;
  readonly overage?: Schema<'Overage'>;
  readonly maxConcurrent?: number | 'none';
  readonly monthlyCredit?: string;
};

function addSet(plans: Command): void {
  const set = asks(
    command(plans, 'set <plan>', {
      summary: 'Change a plan for all its customers, or create one',
      more: 'What is left out stays; limits that a customer has of its own stay too. The next decision counts with what is changed here.',
      examples: [
        'plans set pro --monthly-cap 6000 --dry-run',
        'plans set trial --monthly-cap 20 --monthly-credit 5',
      ],
    })
      .option(
        '--monthly-cap <usd>',
        'US dollars a month, or none',
        reading((text) => readCap(text, { inherits: false })),
      )
      .option(
        '--yearly-cap <usd>',
        'US dollars a year, or none',
        reading((text) => readCap(text, { inherits: false })),
      )
      .addOption(choice('--overage <rule>', 'what happens once the credits are gone', ['blocked', 'allowed']))
      .option(
        '--max-concurrent <n>',
        'requests in flight, or none',
        reading((text) => readConcurrency(text, { inherits: false })),
      )
      .option('--monthly-credit <usd>', 'promotional credits that each customer gets for a month', asUsd),
  );
  action<[string], SetOptions>(set, async ({ session, args: [plan], options }) => {
    const { api, out } = session;
    const body = bodyOf(options);
    if (Object.keys(body).length === 0)
      throw new WrongUse('plans set needs a limit to change, such as --monthly-cap 6000.');
    const path = { plan };
    const before = await answerOrNull(api.GET('/v1/admin/plans/{plan}', { params: { path } }));
    const send = (attempt: Attempt) =>
      answerOf(api.PUT('/v1/admin/plans/{plan}', { params: { path, ...attempt }, body }));
    const changed = await change(session, options, {
      name: 'plans set',
      plan: (to, after) => {
        to.line(
          before === null ? `Create the plan ${plan}:` : `Change the plan ${plan} for all its customers:`,
        );
        if (after !== null) writePlan(to, after, before);
      },
      ...sentBy(send),
    });
    if (changed !== null) out.answer(changed, () => writePlan(out, changed, null));
  });
}

function bodyOf({ monthlyCap, yearlyCap, overage, maxConcurrent, monthlyCredit }: SetOptions) {
  return {
    ...(monthlyCap !== undefined && { monthly_cap_usd: orNull(monthlyCap) }),
    ...(yearlyCap !== undefined && { yearly_cap_usd: orNull(yearlyCap) }),
    ...(overage !== undefined && { overage }),
    ...(maxConcurrent !== undefined && { max_concurrent_requests: orNull(maxConcurrent) }),
    ...(monthlyCredit !== undefined && { monthly_credit_usd: monthlyCredit }),
  };
}

function writePlan(to: Output, after: Plan, before: Plan | null): void {
  writeChanged(to, before, after, [
    ['monthly cap', (plan) => money(plan.monthly_cap_usd, 'none')],
    ['yearly cap', (plan) => money(plan.yearly_cap_usd, 'none')],
    ['overage', ({ overage }) => overage],
    ['requests in flight', (plan) => count(plan.max_concurrent_requests, 'no limit')],
    ['monthly credit', (plan) => money(plan.monthly_credit_usd)],
  ]);
}
