/** `tally reconcile`, `repair`, `chains`: whether the books agree and stand as they were, and what rebuilds their sums. */
import type { Command } from 'commander';
import { count, plural } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { WrongUse } from '../failures.js';
import { action, asks, asName, command, limited } from '../grammar.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';

export function addBookCommands(program: Command): void {
  addReconcile(program);
  addRepair(program);
  addChains(program);
}

function addReconcile(program: Command): void {
  const reconcile = command(program, 'reconcile', {
    summary: 'Check the books against each other, now; exit code 1 where they differ',
    examples: ['reconcile', 'reconcile --json | jq ".checks[] | select(.ok | not)"'],
  });
  action(reconcile, async ({ session }) => {
    const { api, out } = session;
    const checked = await session.result<Schema<'Reconciliation'>>(
      await answerOf(api.GET('/v1/admin/reconciliation')),
    );
    out.answer(checked, () => writeReconciliation(out, checked));
    if (!checked.ok) process.exitCode = 1;
  });
}

function writeReconciliation(out: Output, { ok, checks }: Schema<'Reconciliation'>): void {
  out.table(
    checks,
    [
      { head: '', cell: (check) => (check.ok ? '✓' : '✗'), tone: (check) => (check.ok ? 'green' : 'red') },
      { head: 'check', cell: ({ name }) => name, shrinksTo: 24 },
      { head: 'left', cell: (check) => (check.ok ? '' : check.left), right: true },
      { head: 'right', cell: (check) => (check.ok ? '' : check.right), right: true },
      {
        head: 'differences',
        cell: ({ differences }) => (differences.length === 0 ? '' : count(differences.length)),
        right: true,
      },
    ],
    'No checks.',
  );
  out.line(
    ok
      ? 'The books agree.'
      : 'The books differ: --json has every difference, tally repair --all --dry-run shows what a repair would change.',
  );
}

type RepairOptions = ChangeOptions & { readonly all?: boolean };

function addRepair(program: Command): void {
  const repair = asks(
    command(program, 'repair [entity]', {
      summary: 'Rebuild the sums of a customer, or of all, from events, corrections and ledger',
      more: 'Events, corrections and ledger entries stay as they are: what is derived from them is written again. Where the books agree nothing changes.',
      examples: ['repair acme --dry-run', 'repair acme', 'repair --all --dry-run'],
    }).option('--all', 'every customer'),
  );
  action<[string | undefined], RepairOptions>(repair, async ({ session, args: [name], options }) => {
    const { api, out } = session;
    if ((name === undefined) === (options.all !== true))
      throw new WrongUse('repair needs a customer, such as tally repair acme, or --all for every one.');
    const entity = name ?? null;
    const send = async (attempt: Attempt) =>
      session.result<Schema<'Repair'>>(
        await answerOf(api.POST('/v1/admin/reconciliation/repair', { params: attempt, body: { entity } })),
      );
    const repaired = await change(session, options, {
      name: 'repair',
      plan: (to, seen) => {
        to.line(`Rebuild the sums of ${entity ?? 'every customer'}.`);
        if (seen !== null) writeRepair(to, seen, 'differ');
      },
      ...sentBy(send),
    });
    if (repaired !== null) out.answer(repaired, () => writeRepair(out, repaired, 'were written again'));
  });
}

function writeRepair(to: Output, { changed, changes }: Schema<'Repair'>, verb: string): void {
  if (changed === 0) return to.line('All sums are what events, corrections and ledger say.');
  to.line(`${plural(changed, 'row')} ${verb}: --json has the first of them.`);
  const rows = new Map<string, number>();
  for (const { projection } of changes) rows.set(projection, (rows.get(projection) ?? 0) + 1);
  for (const [projection, number] of rows) to.line(`  ${projection}: ${count(number)}`);
}

type ChainOptions = { readonly verify?: string; readonly limit: number };

function addChains(program: Command): void {
  const chains = command(program, 'chains [entity]', {
    summary: 'List the heads of the chains of ledger and audit entries, or verify one that was kept',
    more: 'A head that is kept elsewhere proves later that all entries up to it are as they were. Exit code 1 where they are not.',
    examples: ['chains acme', 'chains --verify "$(cat head-of-november)"'],
  }).option('--verify <head>', 'a head from before: is everything up to it as it was?');
  limited(chains);
  action<[string | undefined], ChainOptions>(chains, async ({ session, args: [name], options }) => {
    const { api, out } = session;
    const of = name === undefined ? {} : { entity: asName(name) };
    if (options.verify !== undefined) {
      const query = { ...of, head: options.verify };
      const verified = await answerOf(api.GET('/v1/admin/chains', { params: { query } }));
      if (verified.object !== 'chain_verification') return out.json(verified);
      out.answer(verified, () => out.line(`${VERDICTS[verified.verdict]} (${verified.verdict})`));
      if (!verified.ok) process.exitCode = 1;
      return;
    }
    const { rows, hasMore } = await rowsOf(async (page) => {
      const listed = await answerOf(api.GET('/v1/admin/chains', { params: { query: { ...page, ...of } } }));
      return listed as Schema<'ChainList'>;
    }, options);
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, CHAIN_COLUMNS, 'No chains.'),
    );
  });
}

const VERDICTS: Readonly<Record<Schema<'ChainVerdict'>, string>> = {
  stands: 'All entries up to it are as they were',
  changed: 'The entry has another content now',
  missing: 'There is no such entry',
  broken: 'The entry is there, and the chain has a break before it',
  pruned: 'The entry was pruned, which says nothing',
};

const CHAIN_COLUMNS: Column<Schema<'Chain'>>[] = [
  { head: 'entity', cell: ({ entity }) => entity ?? '(none)', shrinksTo: 8 },
  { head: 'log', cell: ({ log }) => log },
  { head: 'entries', cell: ({ entries }) => count(entries), right: true },
  { head: 'pruned', cell: ({ pruned }) => count(pruned), right: true, rank: 1 },
  { head: 'head', cell: ({ head }) => head },
];
