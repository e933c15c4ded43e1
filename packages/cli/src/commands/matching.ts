/** What is answered one by one, by an id, or all together, by a filter: dead letters and conflicts. */
import { count, plural } from '../amounts.js';
import type { Schema } from '../api/client.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { WrongUse } from '../failures.js';
import type { Session } from '../session.js';

export type Kind = {
  /** What one is called. */
  readonly noun: string;
  /** The options that say which. */
  readonly filters: readonly string[];
};

type Options = ChangeOptions & Readonly<Record<string, unknown>>;

/** Throws WrongUse where an id is given, and a filter too. */
export function refuseFilter(options: Options, { noun, filters }: Kind): void {
  const given = filters.filter((name) => options[name] !== undefined);
  if (given.length > 0)
    throw new WrongUse(`--${given.join(', --')}: a ${noun} is named by its id or by a filter, not by both.`);
}

type Batch = {
  readonly object: string;
  readonly status: string;
  readonly answered: number;
  readonly remaining: number;
  readonly skipped?: number;
};

export type Answering<B extends Batch> = {
  /** The command, as errors name it. */
  readonly name: string;
  /** What will happen to `many`, such as `3 conflicts`. */
  readonly words: (many: string) => string;
  readonly send: (attempt: Attempt) => Promise<B | Schema<'Job'>>;
  /** Why some may be skipped. */
  readonly skipping?: string;
};

/** Throws WrongUse where no filter is given. */
export async function answerMatching<B extends Batch>(
  session: Session,
  { options, noun, filters }: Kind & { readonly options: Options },
  { name, words, send, skipping = '' }: Answering<B>,
): Promise<void> {
  const { out } = session;
  if (!filters.some((filter) => options[filter] !== undefined))
    throw new WrongUse(
      `${name} needs the id of a ${noun}, a filter such as --entity or --since, or --all for all that are open.`,
    );
  const batch = await change(session, options, {
    name,
    plan: (to, seen) =>
      to.line(words(seen === null ? `all ${noun}s that match` : plural(seen.answered, noun))),
    ...sentBy(async (attempt) => session.result<B>(await send(attempt))),
  });
  if (batch === null) return;
  const { answered, remaining, skipped = 0, status } = batch;
  const passed = skipped > 0 ? `, ${count(skipped)} skipped (${skipping})` : '';
  const left = remaining > 0 ? `, ${count(remaining)} that match are left` : '';
  out.answer(batch, () => out.line(`${count(answered)} ${status}${passed}${left}.`));
}
