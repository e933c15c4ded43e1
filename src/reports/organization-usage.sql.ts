/** Requests and quantities by time bucket and group. */
import { WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import { sumsFromColumns } from '../domain/meter-charges.js';
import type { Meter, QuantitySums } from '../domain/meters.js';
import { requireEvents } from '../metering/dropped-months.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { rangesOfEvents, usageInRange } from './usage-in-range.sql.js';

/** The operations with a report of their own; all others are completions. */
const OPERATION_OF = {
  embeddings: 'embeddings',
  moderations: 'moderations',
  images: 'images',
  audio_speeches: 'audio.speech',
  audio_transcriptions: 'audio.transcriptions',
} as const;

/** What requests of any operation use beside tokens. */
const METER_OF = { web_search_calls: 'search', code_interpreter_sessions: 'session' } as const;

export type UsageKind = 'completions' | keyof typeof OPERATION_OF | keyof typeof METER_OF;

/** The tier whose requests OpenAI calls a batch. */
const BATCH_TIER = 'batch';

export type UsageGroup = 'project' | 'user' | 'apiKey' | 'model' | 'batch' | 'serviceTier';

export type UsageSelection = {
  readonly entity: string;
  readonly range: Range;
  readonly width: BucketWidth;
  readonly kind: UsageKind;
  readonly groupBy: ReadonlySet<UsageGroup>;
  /** Null selects all. */
  readonly projects: readonly string[] | null;
  readonly users: readonly string[] | null;
  readonly apiKeys: readonly string[] | null;
  readonly models: readonly string[] | null;
  /** Batches only, or all but batches. */
  readonly batch: boolean | null;
};

type Groups = {
  /** Null where rows are not grouped by it, and for events that have none. */
  readonly project: string | null;
  readonly user: string | null;
  readonly apiKey: string | null;
  readonly model: string | null;
  readonly batch: boolean | null;
  readonly serviceTier: string | null;
};

export type BucketedUsage = Groups & {
  /** The aligned start of the bucket, which may lie before the range. */
  readonly bucket: Date;
  readonly requests: bigint;
  /** Visible and reasoning output together, as `output`. */
  readonly quantities: QuantitySums;
};

type RawRow = Groups & { bucket: Date } & Record<'requests' | 'input' | 'cached' | 'output', string> & {
    other: Readonly<Record<string, string>> | null;
  };

/** What a kind selects: a meter, or operations that are or are not these. */
function selectionOf(kind: UsageKind): { meter: Meter | null; operations: string[]; isAmong: boolean } {
  const meter = kind in METER_OF ? METER_OF[kind as keyof typeof METER_OF] : null;
  const own = OPERATION_OF[kind as keyof typeof OPERATION_OF] as string | undefined;
  return {
    meter,
    operations: own === undefined ? Object.values(OPERATION_OF) : [own],
    isAmong: own !== undefined,
  };
}

/**
 * Rows in order of bucket and group, at most `rowsMax`. Buckets without usage have no row. Of a meter, the requests are at most those
 * that used it: a roll-up knows how many requests it sums and how much of the meter, not how many of them used it.
 */
export async function sumBucketedUsage(
  tx: Tx,
  of: UsageSelection & { rowsMax: number },
): Promise<BucketedUsage[]> {
  const { groupBy, projects, users, apiKeys, models, batch } = of;
  const byUser = groupBy.has('user') || users !== null;
  const callers = byUser ? 'users' : groupBy.has('apiKey') || apiKeys !== null ? 'keys' : null;
  const { meter, operations, isAmong } = selectionOf(of.kind);
  for (const { start: from, end: to } of rangesOfEvents({ ...of, callers }))
    await requireEvents(tx, { entity: of.entity, from, to, param: 'start_time' });
  const rows = await tx.$queryRaw<RawRow[]>`
    with lines as (${usageInRange({ ...of, callers })})
    select
      date_bin(make_interval(secs => ${WIDTH_MS[of.width] / 1000}::integer), at, 'epoch') as bucket,
      case when ${groupBy.has('project')}::boolean then project end as project,
      case when ${groupBy.has('user')}::boolean then user_id end as "user",
      case when ${groupBy.has('apiKey')}::boolean then api_key_id end as "apiKey",
      case when ${groupBy.has('model')}::boolean then model end as model,
      case when ${groupBy.has('batch')}::boolean then service_tier = ${BATCH_TIER}::text end as batch,
      case when ${groupBy.has('serviceTier')}::boolean then service_tier end as "serviceTier",
      sum(
        case when ${meter}::text is null then requests
        else least(requests, (other_quantities ->> ${meter}::text)::numeric) end
      )::text as requests,
      sum(input_tokens)::text as input,
      sum(cached_input_tokens)::text as cached,
      sum(output_tokens)::text as output,
      sum_quantities(other_quantities) as other
    from lines
    where case when ${meter}::text is null then (operation = any(${pgArray(operations)}::text[])) = ${isAmong}::boolean
      else other_quantities -> ${meter}::text is not null end
      and (${pgArray(projects)}::text[] is null or project = any(${pgArray(projects)}::text[]))
      and (${pgArray(users)}::text[] is null or user_id = any(${pgArray(users)}::text[]))
      and (${pgArray(apiKeys)}::text[] is null or api_key_id = any(${pgArray(apiKeys)}::text[]))
      and (${pgArray(models)}::text[] is null or model = any(${pgArray(models)}::text[]))
      and (${batch}::boolean is null or (service_tier = ${BATCH_TIER}::text) = ${batch}::boolean)
    group by 1, 2, 3, 4, 5, 6, 7
    having sum(requests) <> 0 or sum(input_tokens + cached_input_tokens + output_tokens) <> 0
      or sum_quantities(other_quantities) <> '{}'
    order by 1, 2, 3, 4, 5, 6, 7
    limit ${of.rowsMax}::integer`;
  // Field by field: spreading fifty thousand rows takes longer than the query.
  return rows.map((row) => ({
    bucket: row.bucket,
    project: row.project,
    user: row.user,
    apiKey: row.apiKey,
    model: row.model,
    batch: row.batch,
    serviceTier: row.serviceTier,
    requests: BigInt(row.requests),
    quantities: sumsFromColumns({
      inputTokens: BigInt(row.input),
      cachedInputTokens: BigInt(row.cached),
      outputTokens: BigInt(row.output),
      reasoningTokens: 0n,
      otherQuantities: row.other,
    }),
  }));
}
