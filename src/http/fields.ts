/** Fields that several requests share. Each has one message that says what it expects. */
import { z } from 'zod';
import { NAME_PATTERN } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { METERS } from '../domain/meters.js';
import { parseUsd, parseUsdEach, parseUsdPerMillion } from '../domain/money.js';
import type { Period } from '../domain/period.js';
import { mustLieAfter } from '../domain/time-range.js';
import { AMOUNT, AMOUNT_ABOVE_ZERO, amountUpTo } from './amount-patterns.js';
import type { Order } from './list-order.js';

/** Control characters, in a class: as regular expressions of every language read it, because the document shows it. */
export const CONTROL = String.raw`\x00-\x1f\x7f-\x9f`;
const PRINTABLE = new RegExp(`^[^${CONTROL}]+$`);

const NAME_TEXT = NAME_PATTERN.source.slice(1, -1);
export const SUBJECT_PATTERN = new RegExp(`^${NAME_TEXT}/${NAME_TEXT}$`);

/** Longer than any id and name. */
const CURSOR_LENGTH_MAX = 512;

const USD = 'a decimal string of US dollars such as "12.5"';

/** An amount of dollars → picodollars. */
export const usd = z
  .string({ error: `must be ${USD}` })
  .transform((text, context) => parsed(context, () => parseUsd(text, '')))
  .meta({ description: `${USD}, at most 12 decimals`, pattern: `^${AMOUNT}$`, example: '12.5' });

export const positiveUsd = usd
  .refine((picos) => picos > 0n, 'must be more than 0')
  .meta({ pattern: `^${AMOUNT_ABOVE_ZERO}$` });

/** A price in dollars per million tokens or characters, kept as it was given. */
export const usdPerMillion = z
  .string({ error: 'must be a decimal string of US dollars per million such as "0.71"' })
  .superRefine((text, context) => void parsed(context, () => parseUsdPerMillion(text, '')))
  .meta({
    description: 'US dollars per million, at most 6 decimals',
    pattern: `^${amountUpTo(4, 6)}$`,
    example: '0.71',
  });

/** A price in dollars for one of something, kept as it was given. */
export const usdEach = z
  .string({ error: `must be ${USD}` })
  .superRefine((text, context) => void parsed(context, () => parseUsdEach(text, '')))
  .meta({
    description: `${USD}, at most 12 decimals`,
    pattern: `^${amountUpTo(4, 12)}$`,
    example: '0.01',
  });

const NAME =
  'must have 1 to 128 letters, digits, dots, underscores or hyphens and begin with a letter or digit';
const name = z.string({ error: NAME }).regex(NAME_PATTERN, NAME);

export const entityName = name
  .pipe(z.custom<EntityName>())
  .meta({ description: 'Who pays', example: 'entity1' });

export const projectName = name
  .pipe(z.custom<ProjectName>())
  .meta({ description: 'What they spend it on', example: 'project1' });

export const planName = name.meta({ example: 'pro' });

export const meterName = z.enum(METERS, `must be one of ${METERS.join(', ')}`).meta({ id: 'Meter' });

/** `entity1/project1`. */
export const subject = z
  .string({ error: 'must be "entity/project"' })
  .regex(SUBJECT_PATTERN, 'must be "entity/project", each of A-Z a-z 0-9 . _ -')
  .transform((text) => {
    const [entity = '', project = ''] = text.split('/');
    return { entity: entity as EntityName, project: project as ProjectName };
  })
  .meta({ description: 'entity/project', example: 'entity1/project1' });

export const period = z
  .string()
  .regex(/^20[0-9]{2}-(?:0[1-9]|1[0-2])$/, 'must be a month such as "2026-11"')
  .transform((text) => text as Period)
  .meta({ description: 'A calendar month in UTC', example: '2026-11' });

/** Text that Postgres can store and a person can read: no control characters, no lone surrogates. */
export function text(lengthMax: number) {
  const message = `must be a text of 1 to ${lengthMax} characters without control characters`;
  return z
    .string({ error: message })
    .regex(PRINTABLE, message)
    .refine((value) => value.isWellFormed() && hasAtMost(lengthMax, value), message)
    .meta({ minLength: 1, maxLength: lengthMax });
}

/** As JSON Schema counts: a character beyond the basic plane is one, which JavaScript has as two. */
function hasAtMost(lengthMax: number, value: string): boolean {
  return (
    value.length <= lengthMax || (value.length <= 2 * lengthMax && Array.from(value).length <= lengthMax)
  );
}

const TIME = 'must be unix seconds, or a time such as "2026-12-01T00:00:00Z"';
const TIME_RANGE = `${TIME}, from 2000 to 2100`;
const TIME_SECONDS_MIN = 946_684_800; // 2000-01-01
const TIME_SECONDS_MAX = 4_102_444_800; // 2100-01-01

/** A day of these years that is in the calendar. */
const DAY =
  '(?:20(?:(?:[02468][048]|[13579][26])-02-29|[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])))|2100-01-01)';
const TIME_OF_DAY =
  'T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])';

/** Unix seconds, or RFC 3339, or a day in UTC → Date. */
export const time = z
  .union(
    [
      // Without abort, what refines both ends of a range would get a number in place of a Date.
      z
        .int({ error: TIME, abort: true })
        .min(TIME_SECONDS_MIN, { error: TIME_RANGE, abort: true })
        .max(TIME_SECONDS_MAX, { error: TIME_RANGE, abort: true }),
      z
        .string()
        .regex(new RegExp(`^${DAY}${TIME_OF_DAY}$`))
        .meta({ format: 'date-time' }),
      z
        .string()
        .regex(new RegExp(`^${DAY}$`))
        .meta({ format: 'date' }),
    ],
    { error: TIME_RANGE },
  )
  .transform((value) => new Date(typeof value === 'number' ? value * 1000 : value))
  .meta({ id: 'Time', description: 'Unix seconds, or RFC 3339', example: '2026-12-01T00:00:00Z' });

export function integer(min: number, max: number) {
  const message = `must be an integer from ${min} to ${max}`;
  return z.int({ error: message }).min(min, message).max(max, message);
}

/** In a query everything is text: a number, and a flag, is read before its schema sees it, and the document shows that schema. */
function numberIn(value: unknown): unknown {
  return typeof value === 'string' && /^-?[0-9]{1,15}$/.test(value) ? Number(value) : value;
}

export function queryInteger(min: number, max: number) {
  return z.preprocess(numberIn, integer(min, max));
}

/** `true` or `false` in a query. */
export const queryBoolean = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean('must be true or false'),
);

export const queryFlag = queryBoolean.prefault(false);

/** A parameter that may stand several times: each value. */
export function queryList<T extends z.ZodArray>(list: T) {
  return z.preprocess((value) => [value].flat(), list);
}

/** Unix seconds in a query → Date, from `min` on. */
export function querySecondsFrom(min: number) {
  const message = `must be unix seconds${min === 0 ? ' before 2100' : ' from 2000 to 2100'}`;
  const seconds = z.int({ error: message }).min(min, message).max(TIME_SECONDS_MAX, message);
  return z
    .preprocess(numberIn, seconds)
    .transform((value) => new Date(value * 1000))
    .meta({ description: 'Unix seconds', example: 1_764_547_200 });
}

export const querySeconds = querySecondsFrom(TIME_SECONDS_MIN);

/** The same as `time`, in a query, where numbers are text too. */
export const queryTime = z
  .preprocess(numberIn, time)
  .meta({ description: 'Unix seconds, or RFC 3339', example: '2026-12-01T00:00:00Z' });

/** For `refine`: the end of a half-open range lies after its start, where both are given. */
export function endsAfter<const Start extends string, const End extends string>(
  start: Start,
  end: End,
): [
  isInOrder: (bounds: { readonly [Name in Start | End]?: Date | null | undefined }) => boolean,
  problem: { path: [End]; error: string },
] {
  return [
    (bounds) => {
      const [from, to] = [bounds[start] ?? null, bounds[end] ?? null];
      return from === null || to === null || from < to;
    },
    { path: [end], error: mustLieAfter(start) },
  ];
}

/** How many rows a page has. */
const LIMIT_MAX = 100;
export const LIMIT_DEFAULT = 20;
export const limitOfPage = queryInteger(1, LIMIT_MAX).meta({
  description: `Rows a page, 1 to ${LIMIT_MAX}`,
  example: LIMIT_DEFAULT,
});
export const pageLimit = limitOfPage.prefault(LIMIT_DEFAULT);

const sortOrder = z.enum(['asc', 'desc'], 'must be asc or desc').meta({ id: 'SortOrder' });

/** The order of a list; `usual` is its default. The other order is the same rows, reversed. */
export function listOrder(usual: Order, meaning: string) {
  return sortOrder.default(usual).describe(meaning);
}

export const pageOrder = listOrder('desc', 'By time: `desc` is newest first');
export const nameOrder = listOrder('asc', 'By name: `asc` is from A on');

/** What every list says of a cursor that is none of its rows. */
export const CURSOR = 'must be the last_id of a page of this list';
const AFTER = 'The last_id of the previous page';

/** The last id of the page before, where ids are numbers. */
export const afterNumber = z
  .string({ error: CURSOR })
  .regex(/^[0-9]{1,18}$/, CURSOR)
  .transform((value) => BigInt(value))
  .optional()
  .meta({ description: AFTER });

export const afterText = z
  .string({ error: CURSOR })
  .regex(PRINTABLE, CURSOR)
  .max(CURSOR_LENGTH_MAX, CURSOR)
  .refine((value) => value.isWellFormed(), CURSOR)
  .optional()
  .meta({ description: AFTER });

function parsed<T>(context: z.core.$RefinementCtx, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TallyError)) throw error;
    context.addIssue({ code: 'custom', message: error.message.trim() });
    return z.NEVER;
  }
}
