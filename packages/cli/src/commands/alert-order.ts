/** An alert as it is ordered on the command line: each kind has an option of its own. */
import type { Command } from 'commander';
import type { Schema } from '../api/client.js';
import { WrongUse } from '../failures.js';
import { asCount, asDuration, asList, asName, asPositiveUsd, choice } from '../grammar.js';

const KINDS = [
  'low_balance',
  'credits_running_out',
  'cap_share',
  'unpriced_usage',
  'unread_fields',
  'queue_late',
] as const satisfies Schema<'AlertKind'>[];

export type Kind = (typeof KINDS)[number];

export type Order = { readonly kind: Kind } & Readonly<Record<string, unknown>>;

export type OrderOptions = {
  readonly entity?: string;
  readonly below?: string;
  readonly withinDays?: number;
  readonly share?: number;
  readonly cap?: Schema<'CapKind'>;
  readonly project?: string;
  readonly olderThan?: number;
  readonly mail?: readonly string[];
};

export function ordering(made: Command): Command {
  made.registeredArguments.find((argument) => argument.name() === 'kind')?.choices(KINDS);
  return made
    .option('--entity <entity>', 'the customer that it watches; every one otherwise', asName)
    .option('--below <usd>', 'low_balance: credits below this', asPositiveUsd)
    .option('--within-days <n>', 'credits_running_out: at the pace of the last seven days', asCount)
    .option('--share <percent>', 'cap_share: percent of a cap, 1 to 100', asCount)
    .addOption(choice('--cap <cap>', 'cap_share: which cap (default: monthly)', ['monthly', 'yearly']))
    .option('--project <project>', "cap_share: this project's cap", asName)
    .option('--older-than <time>', 'queue_late: the oldest usage waits for longer, such as 5m', asDuration)
    .option('--mail <addresses>', 'who gets a mail, comma separated', asList);
}

type Field = readonly [option: keyof OrderOptions, flag: string, field: string];

const NEEDED: Readonly<Partial<Record<Kind, Field>>> = {
  low_balance: ['below', '--below', 'below_usd'],
  credits_running_out: ['withinDays', '--within-days', 'within_days'],
  cap_share: ['share', '--share', 'share_percent'],
  queue_late: ['olderThan', '--older-than', 'older_than_seconds'],
};

const TAKEN: readonly Field[] = [
  ...Object.values(NEEDED),
  ['cap', '--cap', 'cap'],
  ['project', '--project', 'project'],
];

/** Throws WrongUse where an option is missing, or is one of another kind. */
export function orderOf(kind: Kind, options: OrderOptions): Order {
  const needed = NEEDED[kind];
  if (needed !== undefined && options[needed[0]] === undefined)
    throw new WrongUse(`An alert of the kind ${kind} needs ${needed[1]}.`);
  const fits = ([option]: Field): boolean =>
    option === needed?.[0] || (kind === 'cap_share' && (option === 'cap' || option === 'project'));
  const given = TAKEN.filter(([option]) => options[option] !== undefined);
  const wrong = given.find((field) => !fits(field));
  if (wrong !== undefined) throw new WrongUse(`${wrong[1]} is not of an alert of the kind ${kind}.`);
  const fields = Object.fromEntries(given.map(([option, , field]) => [field, options[option]]));
  const channel =
    options.mail === undefined
      ? {}
      : { notification_channel: { type: 'email', recipients: [...options.mail] } };
  return { kind, ...fields, ...channel };
}
