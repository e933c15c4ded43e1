/**
 * A change that asks first: it shows what it will do, asks, and is made once, under an Idempotency-Key that stays the same however often it is
 * sent.
 */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { picosOf, readUsd } from './amounts.js';
import { NoAnswer, NotConfirmed, WrongUse } from './failures.js';
import type { Session } from './session.js';
import type { Output } from './shown/output.js';

export type ChangeOptions = {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
};

export type Change<Preview, Made> = {
  /** The command, as errors name it. */
  readonly name: string;
  /** Asks the service what the change would do; a command without one has no --dry-run. */
  readonly preview?: () => Promise<Preview>;
  /** Writes what will happen, in words or as a table; null where the service was not asked. */
  readonly plan: (out: Output, preview: Preview | null) => void;
  readonly make: (idempotencyKey: string) => Promise<Made>;
  /** An amount above $1,000 is typed again. */
  readonly amountUsd?: string;
};

const TYPED_AGAIN_USD = '1000';

/** Null after a dry run. Throws NotConfirmed, or WrongUse where there is no terminal to ask on. */
export async function change<Preview, Made>(
  session: Session,
  options: ChangeOptions,
  { name, preview, plan, make, amountUsd }: Change<Preview, Made>,
): Promise<Made | null> {
  const { yes = false, dryRun = false, idempotencyKey } = options;
  // The first attempt may have made the change already, so a dry run of the repetition says nothing.
  const isRepeated = idempotencyKey !== undefined && !dryRun;
  if (!yes && !dryRun) requireSomebody(name, preview !== undefined);
  if (dryRun || !yes) {
    const seen = isRepeated || preview === undefined ? null : await preview();
    if (dryRun) {
      session.out.answer(seen, () => plan(session.out, seen));
      if (!session.out.isJson) session.out.line('This was a dry run: nothing was changed.');
      return null;
    }
    plan(session.notes, seen);
    await confirm(amountUsd);
  }
  return makeOnce(options, make);
}

/** The change itself, for what is harmless also without a question. */
export async function makeOnce<Made>(
  { idempotencyKey }: Pick<ChangeOptions, 'idempotencyKey'>,
  make: (idempotencyKey: string) => Promise<Made>,
): Promise<Made> {
  const key = idempotencyKey ?? `tally-cli-${randomUUID()}`;
  try {
    return await make(key);
  } catch (error) {
    throw error instanceof NoAnswer ? withWhatIsKnown(error, key) : error;
  }
}

/** What a call has beside its body: it is only tried, or made under a key. */
export type Attempt = { query?: { dry_run: boolean }; header?: { 'Idempotency-Key': string } };

/** The preview of a change and the change itself, where both are one call. */
export function sentBy<Made>(
  send: (attempt: Attempt) => Promise<Made>,
): Required<Pick<Change<Made, Made>, 'preview' | 'make'>> {
  return {
    preview: () => send({ query: { dry_run: true } }),
    make: (key) => send({ header: { 'Idempotency-Key': key } }),
  };
}

function requireSomebody(name: string, hasDryRun: boolean): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return;
  const way = hasDryRun ? '--yes, or --dry-run to only see what it would do' : '--yes';
  throw new WrongUse(
    `${name} asks before it changes anything, and there is no terminal to ask on: add ${way}.`,
  );
}

async function confirm(amountUsd = '0'): Promise<void> {
  const isLarge = picosOf(amountUsd) > picosOf(TYPED_AGAIN_USD);
  const question = isLarge ? `Type the amount, ${amountUsd}, to go on: ` : 'Go on? [y/N] ';
  const answer = (await ask(question)).trim();
  const isGiven = isLarge ? isAmount(answer, amountUsd) : /^y(es)?$/i.test(answer);
  if (!isGiven) throw new NotConfirmed('Nothing was changed.');
}

/** However it is typed: `$1500.50` is `1500.5`. */
function isAmount(text: string, usd: string): boolean {
  try {
    return picosOf(readUsd(text)) === picosOf(usd);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The end of the input, as by Ctrl-D, counts as no. */
async function ask(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<string>((resolve) => reader.once('close', () => resolve('')));
    return await Promise.race([reader.question(question), ended]);
  } finally {
    reader.close();
  }
}

function withWhatIsKnown(error: NoAnswer, key: string): NoAnswer {
  const known = error.mayBeDone
    ? `The change may or may not have been made. To repeat it safely, run the same command with --idempotency-key ${key}: it is made only once, and the answer is that of the first attempt.`
    : 'Nothing was changed.';
  return new NoAnswer(`${error.message}\n${known}`, error.mayBeDone);
}
