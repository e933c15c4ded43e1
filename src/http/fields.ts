/** Fields that several requests share. Each has one message that says what it expects. */
import { z } from 'zod';
import { isPrintable, NAME_PATTERN } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { parseSubject, type EntityName, type ProjectName } from '../domain/ids.js';
import { parseUsd, parseUsdEach, parseUsdPerMillion } from '../domain/money.js';
import { parsePeriod } from '../domain/period.js';

const USD = 'a decimal string of US dollars such as "12.5"';

/** An amount of dollars → picodollars. */
export const usd = z
  .string({ error: `must be ${USD}` })
  .transform((text, context) => parsed(context, () => parseUsd(text, '')))
  .meta({ description: `${USD}, at most 12 decimals`, example: '12.5' });

export const positiveUsd = usd.refine((picos) => picos > 0n, 'must be more than 0');

/** A price in dollars per million tokens or characters, kept as it was given. */
export const usdPerMillion = z
  .string({ error: 'must be a decimal string of US dollars per million such as "0.71"' })
  .superRefine((text, context) => void parsed(context, () => parseUsdPerMillion(text, '')))
  .meta({ description: 'US dollars per million, at most 6 decimals', example: '0.71' });

/** A price in dollars for one of something, kept as it was given. */
export const usdEach = z
  .string({ error: `must be ${USD}` })
  .superRefine((text, context) => void parsed(context, () => parseUsdEach(text, '')))
  .meta({ description: `${USD}, at most 12 decimals`, example: '0.01' });

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

/** `entity1/project1`. */
export const subject = z
  .string({ error: 'must be "entity/project"' })
  .transform((text, context) => {
    const value = parseSubject(text);
    if (value !== null) return value;
    context.addIssue({ code: 'custom', message: 'must be "entity/project", each of A-Z a-z 0-9 . _ -' });
    return z.NEVER;
  })
  .meta({ description: 'entity/project', example: 'entity1/project1' });

export const period = z
  .string()
  .transform((text, context) => {
    const value = parsePeriod(text);
    if (value !== null) return value;
    context.addIssue({ code: 'custom', message: 'must be a month such as "2026-11"' });
    return z.NEVER;
  })
  .meta({ description: 'A calendar month in UTC', example: '2026-11' });

/** Text that Postgres can store and a person can read: no control characters, no lone surrogates. */
export function text(lengthMax: number) {
  const message = `must be a text of 1 to ${lengthMax} characters without control characters`;
  return z.string({ error: message }).min(1, message).max(lengthMax, message).refine(isPrintable, message);
}

const TIME = 'must be unix seconds, or a time such as "2026-12-01T00:00:00Z"';
const TIME_SECONDS_MIN = 946_684_800; // 2000-01-01
const TIME_SECONDS_MAX = 4_102_444_800; // 2100-01-01

/** Unix seconds, or RFC 3339, or a day in UTC → Date. */
export const time = z
  .union([z.int({ abort: true }), z.iso.datetime({ offset: true }), z.iso.date()], { error: TIME })
  .transform((value) => new Date(typeof value === 'number' ? value * 1000 : value))
  .refine((at) => isWithin(at.getTime() / 1000), `${TIME}, from 2000 to 2100`)
  .meta({ description: 'Unix seconds, or RFC 3339', example: '2026-12-01T00:00:00Z' });

/** Unix seconds in a query → Date. */
export const querySeconds = z
  .string()
  .regex(/^\d{1,12}$/, 'must be unix seconds')
  .transform((value) => new Date(Number(value) * 1000))
  .refine((at) => isWithin(at.getTime() / 1000), 'must be unix seconds from 2000 to 2100')
  .meta({ description: 'Unix seconds', example: '1764547200' });

/** The same as `time`, in a query, where numbers are text too. */
export const queryTime = z
  .string({ error: TIME })
  .transform((text) => (/^\d{1,12}$/.test(text) ? Number(text) : text))
  .pipe(time)
  .meta({ description: 'Unix seconds, or RFC 3339', example: '2026-12-01T00:00:00Z' });

function isWithin(seconds: number): boolean {
  return seconds >= TIME_SECONDS_MIN && seconds <= TIME_SECONDS_MAX;
}

export function integer(min: number, max: number) {
  const message = `must be an integer from ${min} to ${max}`;
  return z.int({ error: message }).min(min, message).max(max, message);
}

const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 20;
const LIMIT = `must be an integer from 1 to ${LIMIT_MAX}`;

/** How many rows a page has. */
export const pageLimit = z
  .string()
  .regex(/^\d{1,4}$/, LIMIT)
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= LIMIT_MAX, LIMIT)
  .default(LIMIT_DEFAULT)
  .meta({ description: `Rows a page, 1 to ${LIMIT_MAX}`, example: '20' });

/** The last id of the page before, where ids are numbers. */
export const afterNumber = z
  .string()
  .regex(/^\d{1,18}$/, 'must be the last_id of a page')
  .transform((value) => BigInt(value))
  .optional()
  .meta({ description: 'The last_id of the previous page' });

export const afterText = text(256).optional().meta({ description: 'The last_id of the previous page' });

export const queryFlag = z
  .enum(['true', 'false'], 'must be true or false')
  .default('false')
  .transform((value) => value === 'true');

function parsed<T>(context: z.core.$RefinementCtx, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TallyError)) throw error;
    context.addIssue({ code: 'custom', message: error.message.trim() });
    return z.NEVER;
  }
}
