/**
 * Builds the roll-ups of a day. A build claims the day under the entity's lock, computes without it, and finishes under it again. A
 * transaction that counts usage on the day in between removes the claim, and then the build is discarded.
 */
import { DAY_MS } from '../domain/buckets.js';
import type { Tx } from '../platform/database.js';

export type EntityDay = { readonly entity: string; readonly day: Date };

/** The oldest days up to `last` that are not rolled up; `after` is the last one of the previous page. */
export async function findDaysToRollUp(
  tx: Tx,
  of: { last: Date; after: EntityDay | null; limit: number },
): Promise<EntityDay[]> {
  return tx.$queryRaw<EntityDay[]>`
    select entity, day from usage_days
    where not rolled_up and day <= ${of.last}::timestamptz
      and (${of.after?.day ?? null}::timestamptz is null
        or (day, entity) > (${of.after?.day ?? null}::timestamptz, ${of.after?.entity ?? null}::text))
    order by day, entity
    limit ${of.limit}::integer`;
}

/** Needs the entity's lock. Commit before you compute, so that others see the claim. */
export async function claimDay(tx: Tx, { entity, day, build }: EntityDay & { build: string }): Promise<void> {
  await tx.$executeRaw`
    update usage_days set build = ${build}::uuid
    where entity = ${entity}::text and day = ${day}::timestamptz and not rolled_up`;
}

/** Allows one build of a day at a time, and none while its month's events are dropped: false while one of these runs. Held until the transaction ends. */
export async function lockDay(tx: Tx, { entity, day }: EntityDay): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ locked: boolean }]>`
    select pg_try_advisory_xact_lock_shared(
      hashtextextended('drop month ' || to_char(${day}::timestamptz at time zone 'UTC', 'YYYY-MM'), 0)
    ) and pg_try_advisory_xact_lock(
      hashtextextended('roll up ' || ${entity}::text, extract(epoch from ${day}::timestamptz)::bigint)
    ) as locked`;
  return row.locked;
}

/**
 * Whether this build still has its claim. False if another build finished the day, whose roll-ups must stay, or if usage was counted.
 * Needs the day's lock, so that no other build can finish in the meantime.
 */
export async function isClaimed(
  tx: Tx,
  { entity, day, build }: EntityDay & { build: string },
): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ claimed: boolean }]>`
    select exists (
      select from usage_days
      where entity = ${entity}::text and day = ${day}::timestamptz and build = ${build}::uuid
    ) as claimed`;
  return row.claimed;
}

/**
 * Replaces the day's roll-ups. Where the day's events were dropped, the callers that were rolled up from them stay, and what came late stands
 * beside them at negative places.
 */
export async function writeDay(tx: Tx, of: EntityDay): Promise<void> {
  await clearDay(tx, of);
  const end = new Date(of.day.getTime() + DAY_MS);
  await tx.$executeRaw`
    insert into usage_daily (
      entity, day, project, model, operation, service_tier, period, rate_id,
      requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities,
      cost_picos, paid_burnt_picos, promotional_burnt_picos
    )
    select
      entity, ${of.day}::timestamptz, project, model, operation, service_tier, period, rate_id,
      sum(requests), sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens),
      nullif(sum_quantities(other_quantities), '{}'),
      sum(cost_picos), sum(paid_burnt_picos), sum(promotional_burnt_picos)
    from hourly_usage
    where entity = ${of.entity}::text and hour >= ${of.day}::timestamptz and hour < ${end}::timestamptz
    group by entity, project, model, operation, service_tier, period, rate_id`;
  await tx.$executeRaw`
    insert into usage_daily_callers (
      entity, day, place, project, model, operation, service_tier, rate_id, api_key_id,
      requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities,
      user_ids, user_requests, user_input_tokens, user_cached_input_tokens, user_output_tokens, user_other_quantities
    )
    with by_user as (
      select
        project, model, operation, service_tier, rate_id, api_key_id, user_id, sum(requests)::bigint as requests,
        sum(input_tokens)::bigint as input, sum(cached_input_tokens)::bigint as cached, sum(output_tokens)::bigint as output,
        sum(reasoning_tokens)::bigint as reasoning, nullif(sum_quantities(other_quantities), '{}') as other
      from counted_usage
      where entity = ${of.entity}::text
        and occurred_at >= ${of.day}::timestamptz and occurred_at < ${end}::timestamptz
      group by project, model, operation, service_tier, rate_id, api_key_id, user_id
      having sum(requests) <> 0 or sum(input_tokens + cached_input_tokens + output_tokens) <> 0
        or sum_quantities(other_quantities) <> '{}'
    )
    select
      ${of.entity}::text, ${of.day}::timestamptz,
      case when is_dropped(${of.day}::timestamptz) then -1 else 1 end
        * row_number() over (order by api_key_id, project, model, operation, service_tier, rate_id),
      project, model, operation, service_tier, rate_id, api_key_id,
      sum(requests), sum(input), sum(cached), sum(output), sum(reasoning), nullif(sum_quantities(other), '{}'),
      array_agg(user_id), array_agg(requests), array_agg(input), array_agg(cached), array_agg(output),
      case when count(other) > 0 then array_agg(other) end
    from by_user
    group by project, model, operation, service_tier, rate_id, api_key_id
    order by api_key_id, project, model, operation, service_tier, rate_id`;
}

export async function clearDay(tx: Tx, { entity, day }: EntityDay): Promise<void> {
  await tx.$executeRaw`delete from usage_daily where entity = ${entity}::text and day = ${day}::timestamptz`;
  await tx.$executeRaw`
    delete from usage_daily_callers
    where entity = ${entity}::text and day = ${day}::timestamptz and (place < 0 or not is_dropped(day))`;
}

/** Needs the entity's lock. False if the claim was removed, so that the roll-ups just written are out of date. */
export async function finishDay(
  tx: Tx,
  { entity, day, build }: EntityDay & { build: string },
): Promise<boolean> {
  const finished = await tx.$executeRaw`
    update usage_days set rolled_up = true, build = null
    where entity = ${entity}::text and day = ${day}::timestamptz and build = ${build}::uuid`;
  return finished === 1;
}

/** Has upkeep rebuild all days of an entity, days without a row in `usage_days` included. Needs the entity's lock. */
export async function invalidateDays(tx: Tx, entity: string): Promise<void> {
  await tx.$executeRaw`
    insert into usage_days as d (entity, day)
    select distinct entity, date_trunc('day', hour at time zone 'UTC') at time zone 'UTC' from hourly_usage where entity = ${entity}::text
    on conflict (entity, day) do update set rolled_up = false, build = null`;
}
