/** What the events say after all corrections: the relation that roll-ups and spend must equal, and are rebuilt from. */
import { Prisma } from '../platform/prisma/client.js';

/**
 * Rows with the columns of a roll-up: each event as it was first rated; for each correction the event as it was, taken out
 * of the period that the correction is booked in, and, unless it is void, as it is now, counted there. `burns` count with
 * the row's `sign`. Tokens of a re-rating are the event's own. `entity` null is all.
 */
export function countedUsage(entity: string | null): Prisma.Sql {
  return Prisma.sql`
    select
      e.entity, date_trunc('hour', e.occurred_at, 'UTC') as hour, e.project, e.model, e.operation, e.period, e.price_id,
      1 as sign, 1 as requests, e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens,
      e.cost_picos, e.burnt_picos, e.burns
    from usage_events e
    where ${entity}::text is null or e.entity = ${entity}::text
    union all
    select
      c.entity, date_trunc('hour', c.occurred_at, 'UTC'), c.project, c.model, e.operation, c.period, c.old_price_id,
      -1, case c.kind when 'void' then c.requests else -1 end,
      case c.kind when 'void' then c.input_tokens else -e.input_tokens end,
      case c.kind when 'void' then c.cached_input_tokens else -e.cached_input_tokens end,
      case c.kind when 'void' then c.output_tokens else -e.output_tokens end,
      case c.kind when 'void' then c.reasoning_tokens else -e.reasoning_tokens end,
      -c.old_cost_picos, -c.old_burnt_picos, c.old_burns
    from usage_corrections c
    join usage_events e on e.occurred_at = c.occurred_at and e.identity = c.identity
    where ${entity}::text is null or c.entity = ${entity}::text
    union all
    select
      c.entity, date_trunc('hour', c.occurred_at, 'UTC'), c.project, c.model, e.operation, c.period, c.new_price_id,
      1, 1 + c.requests, e.input_tokens + c.input_tokens, e.cached_input_tokens + c.cached_input_tokens,
      e.output_tokens + c.output_tokens, e.reasoning_tokens + c.reasoning_tokens,
      c.new_cost_picos, c.new_burnt_picos, c.new_burns
    from usage_corrections c
    join usage_events e on e.occurred_at = c.occurred_at and e.identity = c.identity
    where c.kind = 'rerate' and (${entity}::text is null or c.entity = ${entity}::text)`;
}

/** Burns less what was given back of them, by the period that each is booked in: entity, period, grant_id, amount_picos. */
export function netBurns(entity: string | null): Prisma.Sql {
  return Prisma.sql`
    select entity, period, grant_id, amount_picos from burns
    where ${entity}::text is null or entity = ${entity}::text
    union all
    select entity, period, grant_id, -amount_picos from burn_reversals
    where ${entity}::text is null or entity = ${entity}::text`;
}
