/** The one grammar of all commands: how they are declared, what help shows, and what an error names. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ChangeOptions } from './change.js';
import { Session, type GlobalOptions } from './session.js';
import { readDuration, readPeriod, readSince, readTime } from './times.js';
import { readPositiveUsd, readUsd } from './amounts.js';

type Declaration = {
  readonly summary: string;
  /** A paragraph below the summary. */
  readonly more?: string;
  /** Each without `tally`. */
  readonly examples: readonly string[];
};

/** A command that does nothing but lead to its subcommands. */
export class Group extends Command {}

/** A group such as `tally credits`, whose subcommands follow. */
export function group(program: Command, name: string, summary: string): Command {
  const made = new Group(name).copyInheritedSettings(program);
  program.addCommand(made.summary(summary).description(summary).helpCommand(false));
  return inherit(made, program);
}

/** A command such as `tally credits buy <entity> <amount>`. */
export function command(parent: Command, usage: string, declaration: Declaration): Command {
  const { summary, more, examples } = declaration;
  const [name = '', ...tokens] = usage.split(' ');
  const made = parent.command(name).summary(summary);
  for (const token of tokens) {
    const known = ARGUMENTS[token.replace(/[<>[\].]/g, '')];
    made.argument(token, known?.description ?? '', known?.read);
  }
  made.description(more === undefined ? `${summary}.` : `${summary}.\n\n${more}`);
  return describe(inherit(made, parent), examples);
}

type KnownArgument = { readonly description: string; readonly read?: (text: string) => unknown };

/** What the arguments of all commands mean, by their names. */
const ARGUMENTS: Readonly<Record<string, KnownArgument>> = {
  entity: { description: 'a customer, such as acme', read: (text) => asName(text) },
  subject: {
    description: 'a customer, such as acme, or a project of one, such as acme/search',
    read: (text) => asSubject(text),
  },
  plan: { description: 'a plan: see tally plans', read: (text) => asName(text) },
  amount: { description: 'US dollars, such as 500 or 0.25', read: (text) => asPositiveUsd(text) },
  period: { description: 'a month, such as 2026-11', read: (text) => asPeriod(text) },
  grant: { description: 'the id of a grant: see tally credits list' },
  model: { description: 'the id of a model, as callers send it' },
  price: { description: 'the id of a price: see tally prices list' },
  file: { description: 'a file, or - for standard input' },
  key: { description: 'the id of a key: see tally keys list' },
  name: { description: 'a name for people' },
  letter: { description: 'the id of a dead letter: see tally dead-letters list' },
  conflict: { description: 'the id of a conflict: see tally conflicts list' },
  job: { description: 'the id of a job: see tally jobs list' },
  webhook: { description: 'the id of a webhook: see tally webhooks list' },
  kind: { description: 'what it tells of' },
  delivery: { description: 'the id of a delivery: see tally webhooks deliveries' },
  url: { description: 'an address with http or https' },
  alert: { description: 'the id of an alert: see tally alerts' },
  event: { description: "an event's id, as its gateway made it, such as chatcmpl-8f2c" },
  id: { description: 'dec_… (a denied request), res_… (a reservation) or the id of an event' },
};

/** Examples below the help of a command that exists already. */
export function describe(made: Command, examples: readonly string[]): Command {
  return made.addHelpText('after', `\nExamples:\n${examples.map((each) => `  $ tally ${each}`).join('\n')}`);
}

function inherit(made: Command, parent: Command): Command {
  const names = [made.name()];
  for (let up: Command | null = parent; up !== null; up = up.parent) names.unshift(up.name());
  return made.showHelpAfterError(`Usage and examples: ${names.join(' ')} --help`);
}

type Given<Args, Options> = {
  readonly session: Session;
  readonly args: Args;
  readonly options: Options;
};

/** What the command does. Commander hands over the arguments, the options and the command. */
export function action<Args extends readonly unknown[], Options = object>(
  made: Command,
  run: (given: Given<Args, Options>) => Promise<void>,
): void {
  made.action(async (...handed: unknown[]) => {
    const called = handed.at(-1) as Command;
    const session = new Session(called.optsWithGlobals<GlobalOptions>());
    await run({
      session,
      args: handed.slice(0, -2) as unknown as Args,
      options: called.opts() as Options,
    });
  });
}

/** `--yes`, `--dry-run` and `--idempotency-key`, for what asks first. */
export function asks(made: Command, { dryRun = true } = {}): Command {
  made.option('-y, --yes', 'do it without asking');
  if (dryRun) made.option('--dry-run', 'only show what it would do');
  return repeatable(made);
}

/** `--idempotency-key`, for what creates something without asking. */
export function repeatable(made: Command): Command {
  return made.option(
    '--idempotency-key <key>',
    'repeat an earlier attempt safely, by the key that its error names: the change is made only once',
    reading(idempotencyKey),
  );
}
export type { ChangeOptions };

/** `--limit`, for lists. */
export function limited(made: Command, initial = 50): Command {
  return made.option('--limit <n>', `rows to show, 1 to ${ROWS_MAX}`, reading(rows), initial);
}
const ROWS_MAX = 10_000;

/** An option for a length of time; help shows the default as it is typed. */
export function lasting(flags: string, description: string, initial: string): Option {
  return new Option(flags, description).argParser(asDuration).default(asDuration(initial), initial);
}

/** An option that takes one of a few words; an error lists them. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, description).choices(words);
}

/** A reader that throws a RangeError, for commander: the error names the option. */
export function reading<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidArgumentError(`It ${error.message}.`);
      throw error;
    }
  };
}

export const asUsd = reading(readUsd);
export const asPositiveUsd = reading(readPositiveUsd);
export const asTime = reading(readTime);
export const asPeriod = reading(readPeriod);
export const asSince = reading((text) => readSince(text, Date.now()));
export const asDuration = reading(readDuration);
export const asName = reading(name);
export const asCount = reading(wholeNumber);

/** An option that may stand several times, or has commas: each value. */
export function asList(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').filter((part) => part !== '')];
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

function name(text: string): string {
  if (!NAME.test(text))
    throw new RangeError(
      'must have 1 to 128 letters, digits, dots, underscores or hyphens, and begin with a letter or digit',
    );
  return text;
}

/** `name:value`, as a tag is asked for. */
export const asTag = reading(tag);

function tag(text: string): { readonly name: string; readonly value: string } {
  const at = text.indexOf(':');
  if (at < 1 || at === text.length - 1)
    throw new RangeError('must be a name and a value such as team:search');
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

export type Subject = { readonly entity: string; readonly project: string | null };

/** `acme` or `acme/search`. */
const asSubject = reading((text): Subject => {
  const [entity = '', project, ...rest] = text.split('/');
  if (!NAME.test(entity) || rest.length > 0 || (project !== undefined && !NAME.test(project)))
    throw new RangeError('must be an entity such as acme, or a project of one such as acme/search');
  return { entity, project: project ?? null };
});

function rows(text: string): number {
  const number = wholeNumber(text);
  if (number < 1 || number > ROWS_MAX) throw new RangeError(`must be a number from 1 to ${ROWS_MAX}`);
  return number;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError('must be a whole number such as 20');
  return Number(text);
}

function idempotencyKey(text: string): string {
  if (!/^[\x20-\x7e]{1,255}$/.test(text))
    throw new RangeError('must have 1 to 255 printable ASCII characters');
  return text;
}
