/** Requests and tokens by time bucket and group. */
import { WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { usageInRange } from './usage-in-range.sql.js';

/** The one operation with a report of its own; all others are completions. */
const EMBEDDINGS = 'embeddings';

export type UsageGroup = 'project' | 'user' | 'apiKey' | 'model';

export type UsageSelection = {
  readonly entity: string;
  readonly range: Range;
  readonly width: BucketWidth;
  readonly kind: 'completions' | 'embeddings';
  readonly groupBy: ReadonlySet<UsageGroup>;
  /** Null selects all. */
  readonly projects: readonly string[] | null;
  readonly users: readonly string[] | null;
  readonly apiKeys: readonly string[] | null;
  readonly models: readonly string[] | null;
};

export type BucketedUsage = {
  /** The aligned start of the bucket, which may lie before the range. */
  readonly bucket: Date;
  /** Null where rows are not grouped by it, and for events that have none. */
  readonly project: string | null;
  readonly user: string | null;
  readonly apiKey: string | null;
  readonly model: string | null;
  readonly requests: bigint;
  /** Cached ones included. */
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
};

type RawRow = Pick<BucketedUsage, 'bucket' | 'project' | 'user' | 'apiKey' | 'model'> &
  Record<'requests' | 'input' | 'cached' | 'output', string>;

/** Rows in order of bucket and group, at most `rowsMax`. Buckets without usage have no row. */
export async function sumBucketedUsage(
  tx: Tx,
  of: UsageSelection & { rowsMax: number },
): Promise<BucketedUsage[]> {
  const { groupBy, projects, users, apiKeys, models } = of;
  const byUser = groupBy.has('user') || users !== null;
  const callers = byUser ? 'users' : groupBy.has('apiKey') || apiKeys !== null ? 'keys' : null;
  const rows = await tx.$queryRaw<RawRow[]>`
    with lines as (${usageInRange({ ...of, callers })})
    select
      date_bin(make_interval(secs => ${WIDTH_MS[of.width] / 1000}::integer), at, 'epoch') as bucket,
      case when ${groupBy.has('project')}::boolean then project end as project,
      case when ${groupBy.has('user')}::boolean then user_id end as "user",
      case when ${groupBy.has('apiKey')}::boolean then api_key_id end as "apiKey",
      case when ${groupBy.has('model')}::boolean then model end as model,
      sum(requests)::text as requests,
      sum(input_tokens + cached_input_tokens)::text as input,
      sum(cached_input_tokens)::text as cached,
      sum(output_tokens)::text as output
    from lines
    where (operation = ${EMBEDDINGS}::text) = ${of.kind === 'embeddings'}::boolean
      and (${pgArray(projects)}::text[] is null or project = any(${pgArray(projects)}::text[]))
      and (${pgArray(users)}::text[] is null or user_id = any(${pgArray(users)}::text[]))
      and (${pgArray(apiKeys)}::text[] is null or api_key_id = any(${pgArray(apiKeys)}::text[]))
      and (${pgArray(models)}::text[] is null or model = any(${pgArray(models)}::text[]))
    group by 1, 2, 3, 4, 5
    having sum(requests) <> 0 or sum(input_tokens + cached_input_tokens + output_tokens) <> 0
    order by 1, 2, 3, 4, 5
    limit ${of.rowsMax}::integer`;
  // Field by field: spreading fifty thousand rows takes longer than the query.
  return rows.map((row) => ({
    bucket: row.bucket,
    project: row.project,
    user: row.user,
    apiKey: row.apiKey,
    model: row.model,
    requests: BigInt(row.requests),
    inputTokens: BigInt(row.input),
    cachedInputTokens: BigInt(row.cached),
    outputTokens: BigInt(row.output),
  }));
}
