/** `tally entity …`: one customer. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { change, makeOnce, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { conflicting, Refusal, WrongUse } from '../failures.js';
import { action, asks, asName, asTag, command, repeatable } from '../grammar.js';
import type { Session } from '../session.js';
import type { Column } from '../shown/table.js';
import { second } from '../times.js';

export function addEntity(program: Command): void {
  const entity = command(program, 'entity [entity]', {
    summary: 'Show a customer, create one, or move it to another plan',
    more: '`tally entity NAME` shows it; an entity that is named like a subcommand: `tally entity show NAME`.',
    examples: ['entity acme', 'entity create acme --plan pro', 'entity plan acme enterprise'],
  });
  action<[string | undefined]>(entity, async ({ session, args: [name] }) => {
    if (name === undefined) entity.help({ error: true });
    else await showEntity(session, name);
  });
  const show = command(entity, 'show <entity>', {
    summary: 'Show a customer: plan, limits, credits, spend, projects',
    examples: ['entity show acme', 'entity acme --json'],
  });
  action<[string]>(show, ({ session, args: [name] }) => showEntity(session, name));
  addCreate(entity);
  addPlan(entity);
  addDelete(entity);
  addErase(entity);
  const names = entity.commands.map((each) => each.name()).join(', ');
  entity.showHelpAfterError(`Subcommands: ${names}. Usage and examples: tally entity --help`);
}

async function showEntity({ api, out }: Session, entity: string): Promise<void> {
  const path = { entity };
  const [shown, balance] = await Promise.all([
    answerOf(api.GET('/v1/admin/entities/{entity}', { params: { path } })),
    answerOf(api.GET('/v1/entities/{entity}/balance', { params: { path } })),
  ]);
  out.answer({ ...shown, balance }, () => {
    out.fields([
      ['entity', shown.entity],
      ['plan', shown.plan],
      ['quota mode', shown.quota_mode],
      ['credits', money(balance.credits_usd)],
      ['frozen', balance.frozen_usd === '0' ? '' : money(balance.frozen_usd)],
      ['debt', balance.debt_usd === '0' ? '' : money(balance.debt_usd)],
      ['held by requests in flight', money(balance.held_usd)],
      [`spent in ${balance.period}`, money(balance.month_to_date_usd)],
      ['of it overage', money(balance.overage_usd)],
      ['forecast for the month', money(balance.forecast_usd, 'none yet')],
      ['monthly cap', capOf(shown.limits.monthly_cap_usd)],
      ['yearly cap', capOf(shown.limits.yearly_cap_usd)],
      ['its own spend limit', shown.spend_limit_usd === null ? '' : money(shown.spend_limit_usd)],
      ['overage', `${shown.overage}${ownOf(shown.limits.overage.source)}`],
      [
        'requests in flight',
        `${count(shown.max_concurrent_requests, 'no limit')}${ownOf(shown.limits.max_concurrent_requests.source)}`,
      ],
      ['created', second(shown.created_at)],
    ]);
    if (balance.projects.length > 0) {
      out.line();
      out.table(balance.projects, PROJECT_COLUMNS, '');
    }
  });
}

const PROJECT_COLUMNS: Column<Schema<'ProjectBalance'>>[] = [
  { head: 'project', cell: ({ project }) => project, shrinksTo: 16 },
  { head: 'month', cell: (row) => money(row.month_to_date_usd), right: true },
  { head: 'monthly cap', cell: (row) => money(row.monthly_cap_usd, 'none'), right: true },
];

function capOf({ value, source }: Schema<'CapLimit'>): string {
  return `${money(value, 'none')}${ownOf(source)}`;
}

function ownOf(source: Schema<'LimitSource'>): string {
  return source === 'plan' ? ' (of the plan)' : '';
}

type CreateOptions = { readonly plan: string; readonly idempotencyKey?: string };

function addCreate(entity: Command): void {
  const create = repeatable(
    command(entity, 'create <entity>', {
      summary: 'Create a customer; one that exists already stays as it is',
      examples: ['entity create acme --plan pro'],
    }).requiredOption('--plan <plan>', 'its plan: see tally plans', asName),
  );
  action<[string], CreateOptions>(create, async ({ session, args: [name], options }) => {
    const { api, out } = session;
    const path = { entity: name };
    const made = await makeOnce(options, async (key) => {
      const header = { 'Idempotency-Key': key, 'If-None-Match': '*' };
      const call = api.PUT('/v1/admin/entities/{entity}', {
        params: { path, header },
        body: { plan: options.plan },
      });
      return answerOf(call).catch(async (error: unknown) => {
        throw isThereAlready(error) ? await existing(session, name, options.plan) : error;
      });
    });
    out.answer(made, () => out.line(`Created ${made.entity} with the plan ${made.plan}.`));
  });
}

function isThereAlready(error: unknown): error is Refusal {
  return error instanceof Refusal && error.status === 412;
}

async function existing({ api }: Session, entity: string, plan: string): Promise<Refusal> {
  const there = await answerOf(api.GET('/v1/admin/entities/{entity}', { params: { path: { entity } } }));
  return conflicting(
    `${entity} exists already, with the plan ${there.plan}. To change it: tally entity plan ${entity} ${plan}`,
  );
}

function addPlan(entity: Command): void {
  const move = asks(
    command(entity, 'plan <entity> <plan>', {
      summary: 'Move a customer to another plan; its own limits stay',
      examples: ['entity plan acme enterprise', 'entity plan acme enterprise --dry-run'],
    }),
  );
  action<[string, string], ChangeOptions>(move, async ({ session, args, options }) => {
    const { api, out } = session;
    const params = { path: { entity: args[0] } };
    const body = { plan: args[1] };
    const before = await answerOf(api.GET('/v1/admin/entities/{entity}', { params }));
    const send = (attempt: Attempt) =>
      answerOf(
        api.PUT('/v1/admin/entities/{entity}', {
          params: { ...params, ...attempt, header: { ...attempt.header, 'If-Match': '*' } },
          body,
        }),
      );
    const moved = await change(session, options, {
      name: 'entity plan',
      plan: (to, after) => {
        to.line(`Move ${before.entity} from the plan ${before.plan} to ${body.plan}:`);
        if (after === null) return;
        to.fields([
          ['monthly cap', `${capOf(before.limits.monthly_cap_usd)} → ${capOf(after.limits.monthly_cap_usd)}`],
          ['yearly cap', `${capOf(before.limits.yearly_cap_usd)} → ${capOf(after.limits.yearly_cap_usd)}`],
          ['overage', `${before.overage} → ${after.overage}`],
        ]);
      },
      ...sentBy(send),
    });
    if (moved !== null) out.answer(moved, () => out.line(`${moved.entity} has the plan ${moved.plan}.`));
  });
}

function addDelete(entity: Command): void {
  const remove = command(entity, 'delete <entity>', {
    summary: 'Delete a customer that has no usage, credits or keys',
    examples: ['entity delete acme-test --yes'],
  })
    .option('-y, --yes', 'do it without asking')
    .option('--dry-run', 'only show whether it could be deleted');
  action<[string], ChangeOptions>(remove, async ({ session, args, options }) => {
    const { api, out } = session;
    const path = { entity: args[0] };
    const send = (dryRun: boolean) =>
      answerOf(api.DELETE('/v1/admin/entities/{entity}', { params: { path, query: { dry_run: dryRun } } }));
    const deleted = await change(session, options, {
      name: 'entity delete',
      preview: () => send(true),
      plan: (to) => to.line(`Delete ${path.entity}.`),
      make: () => send(false),
    });
    if (deleted !== null) out.answer(deleted, () => out.line(`Deleted ${path.entity}.`));
  });
}

type EraseOptions = ChangeOptions & {
  readonly user?: string;
  readonly tag?: Schema<'TagValue'>;
};

function addErase(entity: Command): void {
  const erase = asks(
    command(entity, 'erase <entity>', {
      summary: 'Remove a person from all that names them; amounts and counts stay',
      more: 'Events, roll-ups, dead letters and conflicts lose the user, their tags and the raw usage. It cannot be undone.',
      examples: ['entity erase acme --user u_9', 'entity erase acme --tag email:jo@example.com --yes'],
    })
      .option('--user <id>', 'the user, as events name them')
      .option('--tag <name:value>', 'everybody whose events have this tag', asTag),
    { dryRun: false },
  );
  action<[string], EraseOptions>(erase, async ({ session, args: [name], options }) => {
    const { api, out } = session;
    const { user, tag } = options;
    if ((user === undefined) === (tag === undefined))
      throw new WrongUse('entity erase needs either --user or --tag, to say who is erased.');
    const body = { ...(user !== undefined && { user_id: user }), ...(tag !== undefined && { tag }) };
    const whom = user ?? `everybody with the tag ${tag?.name}:${tag?.value}`;
    const erased = await change(session, options, {
      name: 'entity erase',
      plan: (to) =>
        to.line(`Remove ${whom} from all that ${name} has. Amounts and counts stay; it cannot be undone.`),
      make: async (key) =>
        session.result<Schema<'Erasure'>>(
          await answerOf(
            api.POST('/v1/admin/entities/{entity}/erase', {
              params: { path: { entity: name }, header: { 'Idempotency-Key': key } },
              body,
            }),
          ),
        ),
    });
    if (erased !== null)
      out.answer(erased, () =>
        out.fields([
          ['erased from', name],
          ['events', count(erased.events)],
          ['waiting events', count(erased.queued_events)],
          ['roll-ups', count(erased.roll_ups)],
          ['dead letters', count(erased.dead_letters)],
          ['conflicts', count(erased.conflicts)],
        ]),
      );
  });
}
