/** `tally dead-letters replay` and `discard`: one, or all that match. */
import type { Command } from 'commander';
import { answerOf, type Schema } from '../api/client.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { action, asCount, asks, asTime, command } from '../grammar.js';
import type { Session } from '../session.js';
import { filtered, filterOf, subjectOf, type Filter } from '../shown/letter.js';
import { answerMatching, refuseFilter, type Kind } from './matching.js';

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
          'dead-letters replay dl_htcxun3IRkH0B42XXiozt.acme --mend-model cw_meta-llama_Llama-3.3-70B-Instruct',
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
    refuseFilter(options, LETTERS);
    const { api, out } = session;
    const send = (attempt: Attempt) =>
      answerOf(
        api.POST('/v1/admin/dead_letters/{id}/replay', { params: { path: { id }, ...attempt }, body: mend }),
      );
    const replayed = await change(session, options, {
      name: 'dead-letters replay',
      plan: (to, seen) =>
        to.line(
          `Send the dead letter ${id}${seen === null ? '' : describedBy(seen)} to the queue again${mendingText(mend)}: if it can be counted now, it is charged.`,
        ),
      ...sentBy(send),
    });
    if (replayed !== null)
      out.answer(replayed, () =>
        out.line(
          replayed.status === 'open'
            ? `${replayed.id} is open again: it still cannot be counted.`
            : `${replayed.id} is sent to the queue again. What came of it: tally dead-letters show ${replayed.id}`,
        ),
      );
  });
}

function describedBy(letter: Schema<'DeadLetter'>): string {
  const subject = subjectOf(letter);
  return subject === '' ? ` (${letter.code})` : ` of ${subject} (${letter.code})`;
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

const LETTERS: Kind = {
  noun: 'dead letter',
  filters: ['entity', 'subject', 'code', 'reason', 'since', 'until', 'all', 'limit'],
};

async function replayMatching(session: Session, options: ReplayOptions, mend: Mending): Promise<void> {
  const body = { ...bodyOf(options), ...(Object.keys(mend).length > 0 && { mend }) };
  const words = (letters: string) =>
    `Send ${letters} to the queue again${mendingText(mend)}: what can be counted now is charged.`;
  await answerMatching<Schema<'DeadLetterBatch'>>(
    session,
    { ...LETTERS, options },
    {
      name: 'dead-letters replay',
      words,
      send: async (attempt) =>
        answerOf(session.api.POST('/v1/admin/dead_letters/replay', { params: attempt, body })),
    },
  );
}

function bodyOf(options: ReplayOptions) {
  return { ...filterOf(options), ...(options.limit !== undefined && { limit: options.limit }) };
}

export function addDiscard(letters: Command): void {
  const discard = asks(
    filtered(
      command(letters, 'discard [letter]', {
        summary: 'Put a dead letter aside, or all that match: its usage is not charged',
        more: 'Without the id of a letter, name what to discard by a filter, or --all. What was discarded can still be replayed.',
        examples: [
          'dead-letters discard dl_htcxun3IRkH0B42XXiozt.acme',
          'dead-letters discard --code invalid_subject --since 7d --yes',
        ],
      }),
    )
      .option('--all', 'all that are open')
      .option('--limit <n>', 'at most so many, last seen first', asCount),
  );
  action<[string | undefined], ReplayOptions>(discard, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    if (id === undefined)
      return answerMatching<Schema<'DeadLetterBatch'>>(
        session,
        { ...LETTERS, options },
        {
          name: 'dead-letters discard',
          words: (letters) => `Discard ${letters}: their usage is not charged.`,
          send: async (attempt) =>
            answerOf(api.POST('/v1/admin/dead_letters/discard', { params: attempt, body: bodyOf(options) })),
        },
      );
    refuseFilter(options, LETTERS);
    const send = (attempt: Attempt) =>
      answerOf(api.POST('/v1/admin/dead_letters/{id}/discard', { params: { path: { id }, ...attempt } }));
    const discarded = await change(session, options, {
      name: 'dead-letters discard',
      plan: (to) => to.line(`Discard the dead letter ${id}: its usage is not charged.`),
      ...sentBy(send),
    });
    if (discarded !== null) out.answer(discarded, () => out.line(`${discarded.id} is ${discarded.status}.`));
  });
}
