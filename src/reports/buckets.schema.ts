/**
 * Reports in time buckets, in OpenAI's shapes. Its clients write an array in a query as `name[]=a&name[]=b`; `name=a&name=b` is
 * accepted too.
 */
import { z } from 'zod';
import type { BucketWidth } from '../domain/buckets.js';
import { BUCKET_CURSOR } from './bucket-pages.js';
import { mustLieAfter } from '../domain/time-range.js';
import { expectationOf } from '../http/expectations.js';
import { showAs } from '../http/shown-schema.js';
import { queryInteger, querySecondsFrom, text } from '../http/fields.js';

export const bucketWidth = z.enum(['1m', '1h', '1d'], 'must be 1m, 1h or 1d').meta({ id: 'BucketWidth' });

const ARRAY_ITEMS_MAX = 100;
const ARRAY = `must have 1 to ${ARRAY_ITEMS_MAX} items`;

/** Absent means all. */
export const idFilter = z.array(text(256)).min(1, ARRAY).max(ARRAY_ITEMS_MAX, ARRAY).optional();

/** `id` is what the API's document calls the fields. */
export function groupFields<const T extends readonly [string, ...string[]]>(id: string, fields: T) {
  const message = `must be one of ${fields.join(', ')}`;
  return z
    .array(z.enum(fields, message).meta({ id }))
    .max(ARRAY_ITEMS_MAX, ARRAY)
    .transform((groups) => new Set(groups))
    .optional();
}

/** From zero on: a report of all there is begins there. */
const reportSeconds = querySecondsFrom(0);

const PAGE = 'must be the next_page of the same query';

/** `limitMax` is that of the narrowest buckets. */
export function bucketRange(limitMax: number) {
  return {
    start_time: reportSeconds,
    end_time: reportSeconds.optional().describe('Exclusive; by default the end of the current bucket'),
    limit: queryInteger(1, limitMax)
      .optional()
      .meta({ description: 'Buckets per page; how many, the width decides', example: 7 }),
    page: z.string({ error: PAGE }).regex(BUCKET_CURSOR, PAGE).optional(),
  };
}

type Limits = { readonly usual: number; readonly most: number };

/** Checks fields against each other: the end lies after the start, and the limit is one that the width allows. */
export function refineRange<
  T extends {
    start_time: Date;
    end_time?: Date | undefined;
    bucket_width: BucketWidth;
    limit?: number | undefined;
  },
>(query: T, context: z.core.$RefinementCtx<T>, limits: Partial<Record<BucketWidth, Limits>>): void {
  const { start_time: start, end_time: end, bucket_width: width, limit } = query;
  if (end !== undefined && end <= start)
    context.addIssue({ code: 'custom', path: ['end_time'], message: mustLieAfter('start_time') });
  const most = limits[width]?.most ?? 0;
  if (limit !== undefined && (limit < 1 || limit > most)) {
    const message = `must be an integer from 1 to ${most} where bucket_width is ${width}`;
    context.addIssue({ code: 'custom', path: ['limit'], message });
  }
}

const ARRAYS = new Set([
  'project_ids',
  'user_ids',
  'api_key_ids',
  'models',
  'group_by',
  'sizes',
  'sources',
  'context_levels',
  'vector_store_ids',
]);

/**
 * Removes the brackets and parses with `schema`; the API's document shows `shown`. A query is flat, so an error in an item of an array
 * names the array.
 */
export function bracketed<T extends z.ZodType>(schema: T, shown: z.ZodType) {
  const parsing = z.record(z.string(), z.unknown()).transform((query, context): z.output<T> => {
    const parsed = schema.safeParse(withoutBrackets(query), { error: expectationOf });
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

/** A page of buckets, each with its results: `CostsPage` of `CostsBucket` of `CostsResult`. */
export function bucketPage<T extends z.ZodType>(
  name: string,
  result: T,
  about: { description?: string } = {},
) {
  const bucket = z
    .object({
      object: z.literal('bucket'),
      start_time: z.int(),
      end_time: z.int(),
      results: z.array(result.meta({ id: `${name}Result` })),
    })
    .meta({ id: `${name}Bucket` });
  return z
    .object({
      object: z.literal('page'),
      data: z.array(bucket),
      has_more: z.boolean(),
      next_page: z.string().nullable(),
    })
    .meta({ id: `${name}Page`, ...about });
}
