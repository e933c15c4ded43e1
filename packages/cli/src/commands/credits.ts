/** `tally credits …`: grants of credits, bought or given. */
import type { Command } from 'commander';
import { money, roundMoney, sumUsd } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { action, asks, asPositiveUsd, asCount, asTime, command, group, limited } from '../grammar.js';
import type { Session } from '../session.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { moment, second } from '../times.js';

type Grant = Schema<'CreditGrant'>;
type Category = Schema<'CreditCategory'>;

type GrantOptions = ChangeOptions & {
  readonly reference?: string;
  readonly note?: string;
  readonly expires?: string;
  readonly effective?: string;
  readonly priority?: number;
};

export function addCreditCommands(program: Command): void {
  const credits = group(program, 'credits', 'Sell, give, take back and freeze credits');
  addList(credits);
  const buy = command(credits, 'buy <entity> <amount>', {
    summary: 'Sell credits to a customer',
    examples: [
      'credits buy acme 500 --reference inv_42',
      'credits buy acme 500 --reference inv_42 --expires 2027-12-31 --yes',
    ],
  }).requiredOption('--reference <text>', 'the invoice or payment; a customer has each only once');
  addGranting(buy, 'paid');
  const grant = command(credits, 'grant <entity> <amount>', {
    summary: 'Give credits to a customer for nothing (promotional)',
    examples: ['credits grant acme 25 --note "sorry for the outage" --expires 2026-12-31'],
  }).option('--reference <text>', 'what it is given for; a customer has each only once');
  addGranting(grant, 'promotional');
  addVoid(credits);
  addFreezing(credits, 'freeze');
  addFreezing(credits, 'unfreeze');
}

function addList(credits: Command): void {
  const list = command(credits, 'list <entity>', {
    summary: "List a customer's grants of credits with what is left of each",
    examples: ['credits list acme', 'credits list acme --json'],
  });
  limited(list);
  action<[string], { limit: number }>(list, async ({ session: { api, out }, args, options }) => {
    const path = { entity: args[0] };
    const { rows, hasMore } = await rowsOf(
      async (query) => answerOf(api.GET('/v1/admin/entities/{entity}/credits', { params: { path, query } })),
      options,
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, GRANT_COLUMNS, `${path.entity} has no credits.`),
    );
  });
}

const GRANT_COLUMNS: Column<Grant>[] = [
  { head: 'grant', cell: ({ id }) => id },
  { head: 'left', cell: (grant) => money(grant.remaining_usd), right: true },
  { head: 'of', cell: (grant) => roundMoney(grant.amount_usd), right: true, rank: 1 },
  {
    head: 'state',
    cell: stateOf,
    tone: (grant) => (stateOf(grant) === 'frozen' ? 'yellow' : null),
  },
  { head: 'category', cell: ({ category }) => category, rank: 3 },
  { head: 'expires', cell: ({ expires_at: at }) => moment(at, 'never').slice(0, 10), rank: 2 },
  { head: 'reference', cell: ({ reference }) => reference ?? '', shrinksTo: 8, rank: 4 },
  { head: 'created', cell: ({ created_at: at }) => moment(at), rank: 5 },
];

function stateOf(grant: Grant): string {
  if (grant.frozen_at !== null) return 'frozen';
  if (grant.expired_usd !== '0') return 'expired';
  if (grant.owed_usd !== '0') return 'owed';
  return grant.remaining_usd === '0' ? 'used up' : 'open';
}

/** `buy` and `grant` differ by their category alone. */
function addGranting(made: Command, category: Category): void {
  asks(
    made
      .option('--note <text>', 'for people who look at it later')
      .option('--expires <time>', 'when what is left of it expires', asTime)
      .option('--effective <time>', 'from when it can be spent', asTime)
      .option('--priority <n>', '0 is spent first, 100 last; 50 otherwise', asCount),
  );
  action<[string, string], GrantOptions>(made, async ({ session, args, options }) => {
    const entity = args[0];
    const body = {
      amount_usd: args[1],
      category,
      ...(options.reference !== undefined && { reference: options.reference }),
      ...(options.note !== undefined && { note: options.note }),
      ...(options.expires !== undefined && { expires_at: options.expires }),
      ...(options.effective !== undefined && { effective_at: options.effective }),
      ...(options.priority !== undefined && { priority: options.priority }),
    };
    await grantCredits(session, { entity, body, options });
  });
}

type Order = { entity: string; body: Schema<'GrantOrder'>; options: GrantOptions };

async function grantCredits(session: Session, { entity, body, options }: Order): Promise<void> {
  const { api, out } = session;
  const path = { entity };
  const verb = body.category === 'paid' ? 'Sell' : 'Give';
  const send = (attempt: Attempt) =>
    answerOf(api.POST('/v1/admin/entities/{entity}/credits', { params: { path, ...attempt }, body }));
  const { preview, make } = sentBy(send);
  const grant = await change(session, options, {
    name: body.category === 'paid' ? 'credits buy' : 'credits grant',
    amountUsd: body.amount_usd,
    preview: async () => ({ preview: await preview(), credits: await creditsOf(session, entity) }),
    plan: (to, seen) => {
      const reference = body.reference == null ? '' : `, reference ${body.reference}`;
      to.line(`${verb} ${money(body.amount_usd)} of ${body.category} credits to ${entity}${reference}.`);
      if (seen === null) return;
      to.line(`Credits now ${money(seen.credits)}, then ${afterGrant(seen.credits, seen.preview)}.`);
      if (seen.preview.expires_at !== null)
        to.line(`What is left of it expires at ${second(seen.preview.expires_at)}.`);
    },
    make,
  });
  if (grant === null) return;
  out.answer(grant, () => {
    out.line(
      `${grant.id}: ${money(grant.amount_usd)} for ${entity}, ${money(grant.remaining_usd)} of it to spend.`,
    );
    if (grant.debt_paid_usd !== '0') out.line(`${money(grant.debt_paid_usd)} of it paid a debt.`);
  });
}

function afterGrant(credits: string, grant: Grant): string {
  const isLater = grant.effective_at > Math.floor(Date.now() / 1000);
  const sum = money(sumUsd(credits, grant.remaining_usd));
  return isLater ? `${sum} from ${second(grant.effective_at)} on` : sum;
}

async function creditsOf({ api }: Session, entity: string): Promise<string> {
  const balance = await answerOf(api.GET('/v1/entities/{entity}/balance', { params: { path: { entity } } }));
  return balance.credits_usd;
}

type VoidOptions = ChangeOptions & {
  readonly reason: string;
  readonly amount?: string;
  readonly refund?: boolean;
};

function addVoid(credits: Command): void {
  const made = asks(
    command(credits, 'void <entity> <grant>', {
      summary: 'Take credits back: all that is left of a grant, or an amount',
      more: 'Where the amount is more than what is left, the rest becomes a debt, which the next credits pay first. With --refund the customer gets the money back, and statements and FOCUS reverse the purchase.',
      examples: [
        'credits void acme grant_VyDgsL3WcRy1DPlqHdMB8J --reason "bought twice" --refund',
        'credits void acme grant_VyDgsL3WcRy1DPlqHdMB8J --reason goodwill --amount 20 --dry-run',
      ],
    })
      .requiredOption('--reason <text>', 'why; it stays in the ledger and the audit log')
      .option('--amount <usd>', 'only so much; all that is left otherwise', asPositiveUsd)
      .option('--refund', 'the customer gets the money back'),
  );
  action<[string, string], VoidOptions>(made, async ({ session, args, options }) => {
    const { api, out } = session;
    const path = { entity: args[0], grant: args[1] };
    const body = {
      reason: options.reason,
      ...(options.amount !== undefined && { amount_usd: options.amount }),
      refund: options.refund === true,
    };
    const send = (attempt: Attempt) =>
      answerOf(
        api.POST('/v1/admin/entities/{entity}/credits/{grant}/void', { params: { path, ...attempt }, body }),
      );
    const before = await answerOf(
      api.GET('/v1/admin/entities/{entity}/credits/{grant}', { params: { path } }),
    );
    const grant = await change(session, options, {
      name: 'credits void',
      amountUsd: body.amount_usd ?? before.remaining_usd,
      plan: (to, after) => {
        const taken = body.amount_usd ?? before.remaining_usd;
        to.line(
          `${body.refund ? 'Refund' : 'Take back'} ${money(taken)} of ${path.grant} from ${path.entity}.`,
        );
        if (after !== null) changeOfGrant(to, before, after);
      },
      ...sentBy(send),
    });
    if (grant !== null)
      out.answer(grant, () =>
        out.line(
          `${grant.id}: ${money(grant.voided_usd)} taken back in all, ${money(grant.remaining_usd)} left.`,
        ),
      );
  });
}

function changeOfGrant(to: Output, before: Grant, after: Grant): void {
  to.fields([
    ['left', `${money(before.remaining_usd)} → ${money(after.remaining_usd)}`],
    [
      'owed',
      after.owed_usd === before.owed_usd ? '' : `${money(before.owed_usd)} → ${money(after.owed_usd)}`,
    ],
    ['state', `${stateOf(before)} → ${stateOf(after)}`],
  ]);
}

function addFreezing(credits: Command, verb: 'freeze' | 'unfreeze'): void {
  const isFreeze = verb === 'freeze';
  const made = asks(
    command(credits, `${verb} <entity> <grant>`, {
      summary: isFreeze
        ? 'Keep what is left of a grant from being spent'
        : 'Let a frozen grant be spent again',
      examples: [`credits ${verb} acme grant_VyDgsL3WcRy1DPlqHdMB8J --reason "payment disputed"`],
    }).requiredOption('--reason <text>', 'why; it stays in the audit log'),
  );
  action<[string, string], ChangeOptions & { reason: string }>(made, async ({ session, args, options }) => {
    const { api, out } = session;
    const path = { entity: args[0], grant: args[1] };
    const body = { reason: options.reason };
    const send = (attempt: Attempt) =>
      answerOf(
        isFreeze
          ? api.POST('/v1/admin/entities/{entity}/credits/{grant}/freeze', {
              params: { path, ...attempt },
              body,
            })
          : api.POST('/v1/admin/entities/{entity}/credits/{grant}/unfreeze', {
              params: { path, ...attempt },
              body,
            }),
      );
    const grant = await change(session, options, {
      name: `credits ${verb}`,
      plan: (to, after) =>
        to.line(
          `${isFreeze ? 'Freeze' : 'Unfreeze'} ${after === null ? '' : `${money(after.remaining_usd)} of `}${path.grant} of ${path.entity}.`,
        ),
      ...sentBy(send),
    });
    if (grant !== null)
      out.answer(grant, () => out.line(`${grant.id} is ${stateOf(grant)}: ${money(grant.remaining_usd)}.`));
  });
}
