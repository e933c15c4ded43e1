/** Persons out of what is stored: a day of an entity, or a page, at a time. */
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

/** Null in all three is everybody. */
export type Whom = {
  readonly user: string | null;
  readonly tag: string | null;
  readonly value: string | null;
};

export type EntityDay = { readonly entity: string; readonly day: Date };

/** The days on which an entity has usage, oldest first. */
export async function findUsageDays(tx: Tx, entity: string): Promise<EntityDay[]> {
  return tx.$queryRaw<EntityDay[]>`
    select entity, day from usage_days where entity = ${entity}::text order by day`;
}

/** From the events of a day. Needs no lock: what it changes, nothing else writes. */
export async function eraseFromEvents(
  tx: Tx,
  { entity, day, user, tag, value }: EntityDay & Whom,
): Promise<number> {
  const [row] = await tx.$queryRaw<[{ erased: number }]>`
    select erase_persons(
      ${entity}::text, ${day}::timestamptz, ${day}::timestamptz + interval '24 hours',
      ${user}::text, ${tag}::text, ${value}::text
    ) as erased`;
  return row.erased;
}

/**
 * Has upkeep roll the day up again, from events that do not name the person any more. What was rolled up of events that were dropped stays.
 * Needs the entity's lock.
 */
export async function clearRolledUpDay(tx: Tx, { entity, day }: EntityDay): Promise<void> {
  await tx.$executeRaw`
    delete from usage_daily_callers
    where entity = ${entity}::text and day = ${day}::timestamptz and (place < 0 or not is_dropped(day))`;
  await tx.$executeRaw`
    update usage_days set rolled_up = false, build = null where entity = ${entity}::text and day = ${day}::timestamptz`;
}

/** A build of the day that has begun is discarded: it may have read events that named the person. Needs the entity's lock. */
export async function discardBuild(tx: Tx, { entity, day }: EntityDay): Promise<void> {
  await tx.$executeRaw`
    update usage_days set build = null
    where entity = ${entity}::text and day = ${day}::timestamptz and build is not null`;
}

/** From the roll-ups of a day: what a user used is added to what nobody is named for. `user` null is everybody. Needs the entity's lock. */
export async function eraseFromRollUps(
  tx: Tx,
  { entity, day, user }: EntityDay & { user: string | null },
): Promise<number> {
  return tx.$executeRaw`
    update usage_daily_callers c set
      (user_ids, user_requests, user_input_tokens, user_cached_input_tokens, user_output_tokens, user_other_quantities) = (
        select
          array_agg(s.name), array_agg(s.requests), array_agg(s.input), array_agg(s.cached), array_agg(s.output),
          case when count(s.other) > 0 then array_agg(s.other) end
        from (
          select
            u.name, sum(u.requests)::bigint as requests, sum(u.input)::bigint as input, sum(u.cached)::bigint as cached,
            sum(u.output)::bigint as output, nullif(sum_quantities(u.other), '{}') as other
          from (
            select
              case when ${user}::text is null or t.name = ${user}::text then null else t.name end as name,
              t.requests, t.input, t.cached, t.output, t.other
            from unnest(
              c.user_ids, c.user_requests, c.user_input_tokens, c.user_cached_input_tokens, c.user_output_tokens,
              c.user_other_quantities
            ) t (name, requests, input, cached, output, other)
          ) u
          group by u.name
        ) s
      )
    where c.entity = ${entity}::text and c.day = ${day}::timestamptz
      and case when ${user}::text is null then array_remove(c.user_ids, null) <> '{}' else ${user}::text = any(c.user_ids) end`;
}

export type Payload = { readonly entity: string; readonly id: string; readonly payload: string };

/** Dead letters of the entity, and of nobody that could be read, that hold the text: a page after an id. */
export async function findPayloads(
  tx: Tx,
  of: { entity: string; needle: string; after: { entity: string; id: string } | null; limit: number },
): Promise<Payload[]> {
  return tx.$queryRaw<Payload[]>`
    select entity, id, payload from dead_letters
    where entity in (${of.entity}::text, '') and position(${of.needle}::text in payload) > 0
      and (${of.after?.id ?? null}::text is null or (entity, id) > (${of.after?.entity ?? null}::text, ${of.after?.id ?? null}::text))
    order by entity, id
    limit ${of.limit}::integer`;
}

export async function setPayloads(tx: Tx, rows: readonly Payload[]): Promise<void> {
  await tx.$executeRaw`
    update dead_letters d set payload = r.payload
    from unnest(
      ${pgArray(rows.map((r) => r.entity))}::text[],
      ${pgArray(rows.map((r) => r.id))}::text[],
      ${pgArray(rows.map((r) => r.payload))}::text[]
    ) as r (entity, id, payload)
    where d.entity = r.entity and d.id = r.id`;
}

/** From the other contents of an entity's conflicts. They are few, and locked by nothing else for long. */
export async function eraseFromConflicts(
  tx: Tx,
  { entity, user, tag, value }: { entity: string } & Whom,
): Promise<number> {
  return tx.$executeRaw`
    update usage_conflicts set
      other_content = other_content || '{"userId": null, "requestId": null, "tags": null, "rawUsage": null}'
    where entity = ${entity}::text and (
      other_content ->> 'userId' = ${user}::text or other_content ->> 'requestId' = ${user}::text
      or other_content -> 'tags' ->> ${tag}::text = ${value}::text
      or (${user}::text is not null and position(to_jsonb(${user}::text)::text in (other_content -> 'tags')::text || coalesce((other_content -> 'rawUsage')::text, '')) > 0)
    )`;
}
