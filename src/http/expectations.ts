/** What a field must be, in our own words, where its schema does not say it better. */
import type { z } from 'zod';

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  null: 'null',
  date: 'a time',
};

const VALUES_SHOWN_MAX = 20;

export function expectationOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `is required, ${kindOf(issue.expected)}`
        : `must be ${kindOf(issue.expected)}, not ${whatCame(issue.input)}`;
    case 'invalid_value':
      if (issue.input === undefined) return `is required, ${listed(issue.values)}`;
      return `must be ${listed(issue.values)}${isOfTheirType(issue) ? '' : `, not ${whatCame(issue.input)}`}`;
    case 'too_small':
      return `must ${bound('at least', issue.origin, issue.minimum)}`;
    case 'too_big':
      return `must ${bound('at most', issue.origin, issue.maximum)}`;
    case 'invalid_format':
      return `must be ${FORMATS[issue.format] ?? 'of another form'}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return 'has fields that are not known';
    default:
      return 'is not what this call takes';
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  url: 'a URL',
  email: 'a mail address',
  datetime: 'a time such as "2026-12-01T00:00:00Z"',
  date: 'a day such as "2026-12-01"',
};

/** The type of what came, never what it says: that may be a secret. */
export function whatCame(value: unknown): string {
  return kindOf(typeOf(value));
}

function isOfTheirType({ input, values }: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidValue>): boolean {
  return values.some((value) => typeOf(value) === typeOf(input));
}

function kindOf(type: string): string {
  return KINDS[type] ?? type;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function listed(values: readonly unknown[]): string {
  const texts = values.slice(0, VALUES_SHOWN_MAX).map((value) => JSON.stringify(value) ?? String(value));
  if (values.length > VALUES_SHOWN_MAX) texts.push('another known value');
  return texts.length === 1 ? (texts[0] ?? '') : `one of ${texts.join(', ')}`;
}

function bound(which: string, origin: string, limit: number | bigint): string {
  const isOne = Number(limit) === 1;
  if (origin === 'string') return `have ${which} ${limit} ${isOne ? 'character' : 'characters'}`;
  if (origin === 'array' || origin === 'set') return `have ${which} ${limit} ${isOne ? 'entry' : 'entries'}`;
  return `be ${which} ${limit}`;
}
