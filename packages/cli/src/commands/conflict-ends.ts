/** `tally conflicts count` and `review`: one, or all that match. */
import type { Command } from 'commander';
import { money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { action, asCount, asks, asName, asSince, choice, command } from '../grammar.js';
import type { Session } from '../session.js';
import { quantitiesOf } from '../shown/quantities.js';
import { answerMatching, refuseFilter, type Answering, type Kind } from './matching.js';

type EndOptions = ChangeOptions & {
  readonly note?: string;
  readonly entity?: string;
  readonly subject?: string;
  readonly since?: number;
  readonly until?: number;
  readonly status?: 'open' | 'reviewed';
  readonly all?: boolean;
  readonly limit?: number;
};

function matching(made: Command): Command {
  return made
    .option('--entity <entity>', 'only those of this customer', asName)
    .option('--subject <entity/project>', 'only those of this project')
    .option('--since <time>', 'last seen from then on: 7d, 24h, 2026-11-01', asSince)
    .option('--until <time>', 'last seen before then', asSince)
    .option('--all', 'all that are open')
    .option('--limit <n>', 'at most so many, last seen first', asCount);
}

export function addCount(conflicts: Command): void {
  const made = asks(
    matching(
      command(conflicts, 'count [conflict]', {
        summary: 'Count the other content after all, of one or of all that match: each is charged',
        more: 'Without the id of a conflict, name what to count by a filter, or --all.',
        examples: [
          'conflicts count conflict_1f….acme --note "two requests under one id"',
          'conflicts count --subject acme/search --since 24h --dry-run',
          'conflicts count --entity acme --status reviewed --yes',
        ],
      }),
    )
      .addOption(choice('--status <status>', 'those in this state (default: open)', ['open', 'reviewed']))
      .option('--note <text>', 'why'),
  );
  action<[string | undefined], EndOptions>(made, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    if (id === undefined)
      return endMatching(session, options, {
        name: 'conflicts count',
        words: (conflicts) =>
          `Count the other contents of ${conflicts}, as events of their own: each is charged.`,
        post: (call) => answerOf(api.POST('/v1/admin/usage_conflicts/count', call)),
      });
    refuseFilter(options, CONFLICTS);
    const body = noteOf(options);
    const send = (attempt: Attempt) =>
      answerOf(
        api.POST('/v1/admin/usage_conflicts/{id}/count', { params: { path: { id }, ...attempt }, body }),
      );
    const counted = await change(session, options, {
      name: 'conflicts count',
      plan: (to, seen) => {
        to.line(`Count the other content of ${id} as an event of its own.`);
        if (seen === null) return;
        const { entity, other, cost_usd: usd } = seen;
        to.line(`${other.model}: ${quantitiesOf(other.quantities)}`);
        to.line(
          usd === null ? `${other.model} has no price for it yet.` : `${entity} is charged ${money(usd)}.`,
        );
      },
      ...sentBy(send),
    });
    if (counted !== null)
      out.answer(counted, () =>
        out.line(`${counted.id} is ${counted.status}, as ${counted.counted_as ?? 'an event'}.`),
      );
  });
}

export function addReview(conflicts: Command): void {
  const made = asks(
    matching(
      command(conflicts, 'review [conflict]', {
        summary: 'Mark a conflict as looked at, or all that match; nothing is charged',
        more: 'Without the id of a conflict, name what to review by a filter, or --all. A review of many asks first.',
        examples: [
          'conflicts review conflict_1f….acme --note "the gateway retried"',
          'conflicts review --entity acme --until 2026-11-20 --note "the gateway retried" --yes',
        ],
      }),
    ).option('--note <text>', 'what was found'),
  );
  action<[string | undefined], EndOptions>(made, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    if (id === undefined)
      return endMatching(session, options, {
        name: 'conflicts review',
        words: (conflicts) => `Mark ${conflicts} as reviewed: nothing is charged.`,
        post: (call) => answerOf(api.POST('/v1/admin/usage_conflicts/review', call)),
      });
    refuseFilter(options, CONFLICTS);
    const params = { path: { id } };
    const call = { params, body: noteOf(options) };
    const reviewed = await answerOf(api.POST('/v1/admin/usage_conflicts/{id}/review', call));
    out.answer(reviewed, () => out.line(`${reviewed.id} is ${reviewed.status}.`));
  });
}

const CONFLICTS: Kind = {
  noun: 'conflict',
  filters: ['entity', 'subject', 'since', 'until', 'status', 'all', 'limit'],
};

function noteOf({ note }: EndOptions): { note?: string } {
  return note === undefined ? {} : { note };
}

function filterOf({ entity, subject, since, until, status, limit }: EndOptions) {
  return {
    ...(entity !== undefined && { entity }),
    ...(subject !== undefined && { subject }),
    ...(since !== undefined && { start_time: since }),
    ...(until !== undefined && { end_time: until }),
    ...(status !== undefined && { status }),
    ...(limit !== undefined && { limit }),
  };
}

type Many = Pick<Answering<Schema<'ConflictBatch'>>, 'name' | 'words'> & {
  readonly post: (call: {
    readonly params: Attempt;
    readonly body: ReturnType<typeof filterOf> & ReturnType<typeof noteOf>;
  }) => Promise<Schema<'ConflictBatch'> | Schema<'Job'>>;
};

async function endMatching(
  session: Session,
  options: EndOptions,
  { post, name, words }: Many,
): Promise<void> {
  const body = { ...filterOf(options), ...noteOf(options) };
  await answerMatching<Schema<'ConflictBatch'>>(
    session,
    { ...CONFLICTS, options },
    {
      name,
      words,
      send: (params) => post({ params, body }),
      skipping: 'their month is not kept, or another event has their id',
    },
  );
}
