/** `tally dead-letters replay` and `discard`: one, or all that match. */
import type { Command } from 'commander';
import { count, plural } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { change, sentBy, type ChangeOptions, type Sending } from '../change.js';
import { WrongUse } from '../failures.js';
import { action, asCount, asks, asTime, command } from '../grammar.js';
import type { Session } from '../session.js';
import { filtered, filterOf, subjectOf, type Filter } from '../shown/letter.js';

type Mending = Schema<'Mending'>;

type ReplayOptions = ChangeOptions &
  Filter & {
    readonly all?: boolean;
    readonly limit?: number;
    readonly mendSubject?: string;
    readonly mendFormat?: Schema<'UsageFormat'>;
    readonly mendTime?: string;
    readonly mendModel?: string;
  };

export function addReplay(letters: Command): void {
  const replay = asks(
    filtered(
      command(letters, 'replay [letter]', {
        summary: 'Send a dead letter to the queue again, or all that match; as it is or mended',
        more: 'Without the id of a letter, name what to replay by a filter, or --all.',
        examples: [
          'dead-letters replay 12 --mend-model cw_meta-llama_Llama-3.3-70B-Instruct',
          'dead-letters replay --code unknown_usage --mend-format anthropic --dry-run',
          'dead-letters replay --entity acme --since 24h --yes',
          'dead-letters replay --all',
        ],
      }),
    )
      .option('--all', 'all that are open')
      .option('--limit <n>', 'at most so many, last seen first', asCount)
      .option('--mend-subject <entity/project>', 'who pays')
      .option('--mend-format <format>', 'whose usage it is, such as openai or anthropic')
      .option('--mend-time <time>', 'when it occurred', asTime)
      .option('--mend-model <model>', 'the model'),
  );
  action<[string | undefined], ReplayOptions>(replay, async ({ session, args: [id], options }) => {
    const mend = mendingOf(options);
    if (id === undefined) return replayMatching(session, options, mend);
    refuseFilter(options);
    const { api, out } = session;
    const send = (sending: Sending) =>
      answerOf(
        api.POST('/v1/admin/dead_letters/{id}/replay', { params: { path: { id }, ...sending }, body: mend }),
      );
    const replayed = await change(session, options, {
      name: 'dead-letters replay',
      plan: (to, seen) =>
        to.line(
          `Send the dead letter ${id}${seen === null ? '' : ` of ${subjectOf(seen)} (${seen.code})`} to the queue again${mendingText(mend)}: if it can be counted now, it is charged.`,
        ),
      ...sentBy(send),
    });
    if (replayed !== null)
      out.answer(replayed, () =>
        out.line(
          replayed.status === 'open'
            ? `${replayed.id} is open again: it still cannot be counted.`
            : `${replayed.id} is ${replayed.status}.`,
        ),
      );
  });
}

function mendingOf({ mendSubject, mendFormat, mendTime, mendModel }: ReplayOptions): Mending {
  return {
    ...(mendSubject !== undefined && { subject: mendSubject }),
    ...(mendFormat !== undefined && { usage_format: mendFormat }),
    ...(mendTime !== undefined && { time: mendTime }),
    ...(mendModel !== undefined && { model: mendModel }),
  };
}

function mendingText(mend: Mending): string {
  const parts = Object.entries(mend).map(([field, value]) => `${field.replace('_', ' ')} ${String(value)}`);
  return parts.length === 0 ? '' : ` with ${parts.join(', ')}`;
}

const FILTERS = ['entity', 'subject', 'code', 'reason', 'since', 'until', 'all', 'limit'] as const;

type MatchOptions = Filter & { readonly all?: boolean; readonly limit?: number };

function refuseFilter(options: MatchOptions): void {
  const given = FILTERS.filter((name) => options[name] !== undefined);
  if (given.length > 0)
    throw new WrongUse(`--${given.join(', --')}: a letter is named by its id or by a filter, not by both.`);
}

function requireFilter(options: MatchOptions, name: string): void {
  if (!FILTERS.some((filter) => options[filter] !== undefined))
    throw new WrongUse(
      `${name} needs the id of a letter, a filter such as --entity or --code, or --all for all that are open.`,
    );
}

async function replayMatching(session: Session, options: ReplayOptions, mend: Mending): Promise<void> {
  requireFilter(options, 'dead-letters replay');
  const { api } = session;
  const body = {
    ...filterOf(options),
    ...(options.limit !== undefined && { limit: options.limit }),
    ...(Object.keys(mend).length > 0 && { mend }),
  };
  const send = async (sending: Sending) =>
    session.result<Schema<'DeadLetterBatch'>>(
      await answerOf(api.POST('/v1/admin/dead_letters/replay', { params: sending, body })),
    );
  await changeMatching(session, options, {
    name: 'dead-letters replay',
    words: (letters) =>
      `Send ${letters} to the queue again${mendingText(mend)}: what can be counted now is charged.`,
    send,
  });
}

export function addDiscard(letters: Command): void {
  const discard = asks(
    filtered(
      command(letters, 'discard [letter]', {
        summary: 'Put a dead letter aside, or all that match: its usage is not charged',
        more: 'Without the id of a letter, name what to discard by a filter, or --all. What was discarded can still be replayed.',
        examples: ['dead-letters discard 12', 'dead-letters discard --code invalid_subject --since 7d --yes'],
      }),
    )
      .option('--all', 'all that are open')
      .option('--limit <n>', 'at most so many, last seen first', asCount),
  );
  action<[string | undefined], ReplayOptions>(discard, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    if (id === undefined) {
      requireFilter(options, 'dead-letters discard');
      const body = { ...filterOf(options), ...(options.limit !== undefined && { limit: options.limit }) };
      return changeMatching(session, options, {
        name: 'dead-letters discard',
        words: (letters) => `Discard ${letters}: their usage is not charged.`,
        send: async (sending) =>
          session.result<Schema<'DeadLetterBatch'>>(
            await answerOf(api.POST('/v1/admin/dead_letters/discard', { params: sending, body })),
          ),
      });
    }
    refuseFilter(options);
    const send = (sending: Sending) =>
      answerOf(api.POST('/v1/admin/dead_letters/{id}/discard', { params: { path: { id }, ...sending } }));
    const discarded = await change(session, options, {
      name: 'dead-letters discard',
      plan: (to) => to.line(`Discard the dead letter ${id}: its usage is not charged.`),
      ...sentBy(send),
    });
    if (discarded !== null) out.answer(discarded, () => out.line(`${discarded.id} is ${discarded.status}.`));
  });
}

type Matching = {
  readonly name: string;
  readonly words: (letters: string) => string;
  readonly send: (sending: Sending) => Promise<Schema<'DeadLetterBatch'>>;
};

async function changeMatching(session: Session, options: ChangeOptions, of: Matching): Promise<void> {
  const { out } = session;
  const batch = await change(session, options, {
    name: of.name,
    plan: (to, seen) =>
      to.line(of.words(seen === null ? 'all that match' : plural(seen.answered, 'dead letter'))),
    ...sentBy(of.send),
  });
  if (batch === null) return;
  const left = batch.remaining > 0 ? `, ${count(batch.remaining)} that match are left` : '';
  out.answer(batch, () => out.line(`${count(batch.answered)} ${batch.status}${left}.`));
}
