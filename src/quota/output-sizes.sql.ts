/** The sizes of an entity's outputs by model, in size classes, from a sample of events. Adding to them needs the lock of `output_sampling`. */
import type { OutputSize } from './output-sizes.js';
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';

export type ModelOutputSize = OutputSize & { readonly entity: string; readonly model: string };

/** Takes the sampler's lock, and returns the time up to which events were sampled: `startsAt` where none were. */
export async function lockSampling(tx: Tx, startsAt: Date): Promise<Date> {
  const rows = await tx.$queryRaw<[{ sampled_until: Date }]>`
    insert into output_sampling values (1, ${startsAt}::timestamptz)
    on conflict (id) do update set sampled_until = output_sampling.sampled_until
    returning sampled_until`;
  return rows[0].sampled_until;
}

export async function setSampledUntil(tx: Tx, until: Date): Promise<void> {
  await tx.$executeRaw`update output_sampling set sampled_until = ${until}::timestamptz where id = 1`;
}

/**
 * How many of the newest `limit` events of each entity in that time had each model and count of output tokens of all kinds. Only usage
 * whose request was reserved, whose output was reported whole, and which costs something says what requests need.
 */
export async function sampleOutputs(
  tx: Tx,
  args: { from: Date; to: Date; limit: number },
): Promise<{ entity: string; model: string; outputTokens: number; requests: number }[]> {
  const rows = await tx.$queryRaw<
    { entity: string; model: string; output_tokens: bigint; requests: bigint }[]
  >`
    select entity, model, output_tokens, count(*) as requests
    from (
      select entity, model, output_tokens, row_number() over (partition by entity order by occurred_at desc, identity desc) as place
      from (
        select entity, occurred_at, identity, model, output_tokens
          + coalesce((other_quantities ->> 'output_audio')::bigint, 0)
          + coalesce((other_quantities ->> 'output_image')::bigint, 0)
          + coalesce((other_quantities ->> 'output_video')::bigint, 0) as output_tokens
        from rated_events
        where occurred_at >= ${args.from}::timestamptz and occurred_at < ${args.to}::timestamptz
          and right(reservation_id, length(entity) + 1) = '.' || entity and usage_source = 'reported' and rate_id <> 0
      ) reserved
      where output_tokens > 0
    ) newest
    where place <= ${args.limit}::integer
    group by entity, model, output_tokens`;
  return rows.map((row) => ({
    entity: row.entity,
    model: row.model,
    outputTokens: Number(row.output_tokens),
    requests: Number(row.requests),
  }));
}

/** Adds requests to their classes. `sizes` has each class of a model at most once. */
export async function addOutputSizes(tx: Tx, sizes: readonly ModelOutputSize[]): Promise<void> {
  await tx.$executeRaw`
    insert into output_sizes (entity, model, tokens_max, requests)
    select * from unnest(
      ${pgArray(sizes.map(({ entity }) => entity))}::text[],
      ${pgArray(sizes.map(({ model }) => model))}::text[],
      ${pgArray(sizes.map(({ tokensMax }) => tokensMax))}::integer[],
      ${pgArray(sizes.map(({ requests }) => requests))}::bigint[]
    )
    on conflict (entity, model, tokens_max) do update set requests = output_sizes.requests + excluded.requests`;
}

/** Halves every count, rounding down, so that old requests count less and less. */
export async function halveOutputSizes(tx: Tx): Promise<void> {
  await tx.$executeRaw`
    with gone as (delete from output_sizes where requests = 1)
    update output_sizes set requests = requests / 2 where requests > 1`;
}

export async function findOutputSizes(tx: Tx, entities: readonly string[]): Promise<ModelOutputSize[]> {
  const rows = await tx.$queryRaw<{ entity: string; model: string; tokens_max: number; requests: bigint }[]>`
    select entity, model, tokens_max, requests from output_sizes where entity = any(${pgArray(entities)}::text[])`;
  return rows.map((row) => ({
    entity: row.entity,
    model: row.model,
    tokensMax: row.tokens_max,
    requests: Number(row.requests),
  }));
}
