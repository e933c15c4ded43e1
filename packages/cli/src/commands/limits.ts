/** `tally limits NAME` and `tally limits NAME/PROJECT`: shows limits, or changes those that an option names. */
import type { Command } from 'commander';
import { count, money, picosOf } from '../amounts.js';
import { answerOf, answerOrNull, type Schema } from '../api/client.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { WrongUse } from '../failures.js';
import { action, asks, choice, command, reading, type Subject } from '../grammar.js';
import type { Session } from '../session.js';
import type { Output } from '../shown/output.js';
import {
  orNull,
  readCap,
  readConcurrency,
  writeChanged,
  type Cap,
  type Concurrency,
} from './limit-values.js';

type LimitOptions = ChangeOptions & {
  readonly monthlyCap?: Cap;
  readonly yearlyCap?: Cap;
  readonly overage?: 'blocked' | 'allowed' | 'inherit';
  readonly maxConcurrent?: Concurrency;
  readonly mode?: Schema<'QuotaMode'>;
};

export function addLimitCommands(program: Command): void {
  const limits = asks(
    command(program, 'limits <subject>', {
      summary: 'Show or change the limits of a customer or of a project',
      more: 'Without an option of a limit it shows them. `none` lifts a limit, `inherit` goes back to that of the plan; what is left out stays. A project that is not there yet is created. The next decision counts with what is changed here.',
      examples: [
        'limits acme',
        'limits acme --monthly-cap 1000',
        'limits acme/search --monthly-cap 100 --max-concurrent 20',
        'limits acme --yearly-cap none --overage blocked --yes',
        'limits acme --mode shadow',
      ],
    })
      .option(
        '--monthly-cap <usd>',
        'US dollars a month, none or inherit',
        reading((text) => readCap(text)),
      )
      .option(
        '--yearly-cap <usd>',
        'US dollars a year, none or inherit (customers only)',
        reading((text) => readCap(text)),
      )
      .addOption(
        choice('--overage <rule>', 'what happens once the credits are gone (customers only)', [
          'blocked',
          'allowed',
          'inherit',
        ]),
      )
      .option(
        '--max-concurrent <n>',
        'requests in flight, none or inherit',
        reading((text) => readConcurrency(text)),
      )
      .addOption(
        choice('--mode <mode>', 'whether limits are enforced (customers only)', ['enforce', 'shadow', 'off']),
      ),
  );
  action<[Subject], LimitOptions>(limits, async ({ session, args: [subject], options }) => {
    const { monthlyCap, yearlyCap, overage, maxConcurrent, mode } = options;
    const isChange = [monthlyCap, yearlyCap, overage, maxConcurrent, mode].some((each) => each !== undefined);
    if (subject.project !== null && [yearlyCap, overage, mode].some((each) => each !== undefined))
      throw new WrongUse(
        'A project takes only --monthly-cap and --max-concurrent: the other limits are those of its customer.',
      );
    if (!isChange) return show(session, subject);
    if (subject.project === null) await changeEntity(session, subject.entity, options);
    else await changeProject(session, { entity: subject.entity, project: subject.project }, options);
  });
}

async function show({ api, out }: Session, { entity, project }: Subject): Promise<void> {
  if (project === null) {
    const shown = await answerOf(
      api.GET('/v1/admin/entities/{entity}/limits', { params: { path: { entity } } }),
    );
    return out.answer(shown, () => writeEntity(out, shown, null));
  }
  const path = { entity, project };
  const shown = await answerOf(
    api.GET('/v1/admin/entities/{entity}/projects/{project}/limits', { params: { path } }),
  );
  out.answer(shown, () => writeProject(out, shown, null));
}

async function changeEntity(session: Session, entity: string, options: LimitOptions): Promise<void> {
  const { api, out } = session;
  const { monthlyCap, yearlyCap, overage, maxConcurrent, mode } = options;
  const body = {
    ...(monthlyCap !== undefined && { monthly_cap_usd: orNull(monthlyCap) }),
    ...(yearlyCap !== undefined && { yearly_cap_usd: orNull(yearlyCap) }),
    ...(overage !== undefined && { overage }),
    ...(maxConcurrent !== undefined && { max_concurrent_requests: orNull(maxConcurrent) }),
    ...(mode !== undefined && { quota_mode: mode }),
  };
  const path = { entity };
  const send = (attempt: Attempt) =>
    answerOf(api.PATCH('/v1/admin/entities/{entity}/limits', { params: { path, ...attempt }, body }));
  const before = await answerOf(api.GET('/v1/admin/entities/{entity}/limits', { params: { path } }));
  const spent = monthlyCap === undefined ? null : await spentOf(session, { entity, project: null });
  const changed = await change(session, options, {
    name: 'limits',
    plan: (to, after) => {
      to.line(`Change the limits of ${entity}:`);
      if (after === null) return;
      writeEntity(to, after, before);
      if (after.quota_mode === 'enforce') writeReached(to, after.monthly_cap_usd, spent);
    },
    ...sentBy(send),
  });
  if (changed !== null) out.answer(changed, () => writeEntity(out, changed, null));
}

type Path = { readonly entity: string; readonly project: string };

async function changeProject(session: Session, path: Path, options: LimitOptions): Promise<void> {
  const { api, out } = session;
  const { monthlyCap, maxConcurrent } = options;
  const body = {
    ...(monthlyCap !== undefined && { monthly_cap_usd: orNull(monthlyCap) }),
    ...(maxConcurrent !== undefined && { max_concurrent_requests: orNull(maxConcurrent) }),
  };
  const before = await answerOrNull(
    api.GET('/v1/admin/entities/{entity}/projects/{project}/limits', { params: { path } }),
  );
  const mayRefuse = monthlyCap !== undefined && (await isEnforced(session, path.entity));
  const spent = mayRefuse ? await spentOf(session, path) : null;
  const send = (attempt: Attempt) => {
    const call = { params: { path, ...attempt }, body };
    return answerOf(
      before === null
        ? api.PUT('/v1/admin/entities/{entity}/projects/{project}', call)
        : api.PATCH('/v1/admin/entities/{entity}/projects/{project}/limits', call),
    );
  };
  const changed = await change(session, options, {
    name: 'limits',
    plan: (to, after) => {
      const verb = before === null ? 'Create the project, with the limits' : 'Change the limits';
      to.line(`${verb} of ${path.entity}/${path.project}:`);
      if (after === null) return;
      writeProject(to, after, before);
      writeReached(to, after.monthly_cap_usd, spent);
    },
    ...sentBy(send),
  });
  if (changed === null) return;
  out.answer(changed, () => {
    if (before === null) out.line(`Created ${path.entity}/${path.project}, with the limits:`);
    writeProject(out, changed, null);
  });
}

/** Whether the limits of a customer refuse requests, and so those of its projects. */
async function isEnforced({ api }: Session, entity: string): Promise<boolean> {
  const limits = await answerOrNull(
    api.GET('/v1/admin/entities/{entity}/limits', { params: { path: { entity } } }),
  );
  return limits?.quota_mode === 'enforce';
}

type Spent = { readonly period: string; readonly usd: string };

/** What a customer, or a project of one, has spent of the month; null for one that is unknown. */
async function spentOf({ api }: Session, { entity, project }: Subject): Promise<Spent | null> {
  const path = { entity };
  const balance = await answerOrNull(api.GET('/v1/entities/{entity}/balance', { params: { path } }));
  if (balance === null) return null;
  const spender = project === null ? balance : balance.projects.find((each) => each.project === project);
  return { period: balance.period, usd: spender?.month_to_date_usd ?? '0' };
}

/** A cap that is spent already refuses every request. */
function writeReached(to: Output, capUsd: string | null, spent: Spent | null): void {
  if (capUsd === null || spent === null || picosOf(spent.usd) < picosOf(capUsd)) return;
  to.line(`Already spent in ${spent.period}: ${money(spent.usd)}. The next request is refused.`);
}

type Entity = Schema<'Entity'>;
type Project = Schema<'Project'>;

/** With `before`, only what changes. */
function writeEntity(to: Output, after: Entity, before: Entity | null): void {
  writeChanged(to, before, after, [
    ['monthly cap', (each) => `${money(each.monthly_cap_usd, 'none')}${own(each.limits.monthly_cap_usd)}`],
    ['yearly cap', (each) => `${money(each.yearly_cap_usd, 'none')}${own(each.limits.yearly_cap_usd)}`],
    ['overage', (each) => `${each.overage}${own(each.limits.overage)}`],
    [
      'requests in flight',
      (each) =>
        `${count(each.max_concurrent_requests, 'no limit')}${own(each.limits.max_concurrent_requests)}`,
    ],
    ['mode', (each) => each.quota_mode],
    ['its own spend limit', (each) => money(each.spend_limit_usd, '')],
  ]);
}

function writeProject(to: Output, after: Project, before: Project | null): void {
  writeChanged(to, before, after, [
    ['monthly cap', (each) => money(each.monthly_cap_usd, 'none')],
    ['requests in flight', (each) => count(each.max_concurrent_requests, 'no limit')],
    ['its own spend limit', (each) => money(each.spend_limit_usd, '')],
  ]);
}

function own({ source }: { source: Schema<'LimitSource'> }): string {
  return source === 'plan' ? ' (of the plan)' : '';
}
