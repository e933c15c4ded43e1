/** Query strings as OpenAI's clients send them: an array is `name[]=a&name[]=b`; `name=a&name=b` will do too. */
import { z } from 'zod';
import type { BucketWidth } from '../domain/buckets.js';
import { showAs } from '../http/shown-schema.js';
import { text } from '../http/fields.js';

const ARRAY_ITEMS_MAX = 100;
const ARRAY = `must have 1 to ${ARRAY_ITEMS_MAX} items`;

/** Left out means all. */
export const idFilter = z.array(text(256)).min(1, ARRAY).max(ARRAY_ITEMS_MAX, ARRAY).optional();

export function groupFields<const T extends readonly [string, ...string[]]>(fields: T) {
  const message = `must be one of ${fields.join(', ')}`;
  return z
    .array(z.enum(fields, message))
    .max(ARRAY_ITEMS_MAX, ARRAY)
    .transform((groups) => new Set(groups))
    .optional();
}

const SECONDS = 'must be unix seconds';
const SECONDS_MAX = 4_102_444_800; // 2100-01-01

/** Reports may begin at zero, as in "all there is". */
export const reportSeconds = z
  .string({ error: SECONDS })
  .regex(/^\d{1,12}$/, SECONDS)
  .refine((value) => Number(value) <= SECONDS_MAX, `${SECONDS} before 2100`)
  .transform((value) => new Date(Number(value) * 1000))
  .meta({ description: 'Unix seconds', example: '1764547200' });

/** How many buckets a page has. */
export const bucketLimit = z
  .string({ error: 'must be an integer' })
  .regex(/^\d{1,6}$/, 'must be an integer')
  .transform(Number)
  .optional()
  .meta({ description: 'Buckets a page', example: '7' });

export const pageCursor = z
  .string({ error: 'must be a next_page' })
  .max(64, 'must be a next_page')
  .optional();

type Limits = { readonly usual: number; readonly most: number };

/** What several fields say together: the end after the start, and a limit that fits the width. */
export function refineRange<
  T extends {
    start_time: Date;
    end_time?: Date | undefined;
    bucket_width: BucketWidth;
    limit?: number | undefined;
  },
>(query: T, context: z.core.$RefinementCtx<T>, limits: Partial<Record<BucketWidth, Limits>>): void {
  const { start_time: start, end_time: end, bucket_width: width, limit } = query;
  if (end !== undefined && end <= start) {
    context.addIssue({ code: 'custom', path: ['end_time'], message: 'must lie after start_time' });
  }
  const most = limits[width]?.most ?? 0;
  if (limit !== undefined && (limit < 1 || limit > most)) {
    const message = `must be an integer from 1 to ${most} where bucket_width is ${width}`;
    context.addIssue({ code: 'custom', path: ['limit'], message });
  }
}

const ARRAYS = new Set(['project_ids', 'user_ids', 'api_key_ids', 'models', 'group_by']);

/**
 * Parses with `schema` after the brackets are taken off; the document shows `shown`, which has none. A query is flat, so what is
 * wrong with an item is told of its field.
 */
export function bracketed<T extends z.ZodType>(schema: T, shown: z.ZodType) {
  const parsing = z.record(z.string(), z.unknown()).transform((query, context): z.output<T> => {
    const parsed = schema.safeParse(withoutBrackets(query));
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      const { code, message } = issue;
      if (code === 'unrecognized_keys') context.addIssue({ code, keys: issue.keys, input: query });
      else context.addIssue({ code: 'custom', path: issue.path.slice(0, 1), message });
    }
    return z.NEVER;
  });
  return showAs(parsing, shown);
}

function withoutBrackets(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [key, value] of Object.entries(query)) {
    const name = key.replace(/\[\]$/, '');
    const held = fields.get(name);
    if (!ARRAYS.has(name)) fields.set(key, value);
    else fields.set(name, [...(Array.isArray(held) ? held : []), ...[value].flat()]);
  }
  return Object.fromEntries(fields);
}
