/** Usage whose price is missing waits for it: what nothing waits for is never charged. */
import { Prisma } from '../platform/prisma/client.js';

/**
 * Events that are not void, of which the rate that charges them now lacks a meter, or that have no rate. Nearly all rates price the
 * usual meters, so few events are looked at meter by meter.
 */
export const LACKING_A_PRICE = Prisma.sql`
  select e.identity as key, 1 as amount
  from rated_events e
  left join (
    select entity, identity, occurred_at, (array_agg(new_rate_id order by id desc))[1] as rate_id, bool_or(kind = 'void') as is_void
    from usage_corrections group by entity, identity, occurred_at
  ) c on c.entity = e.entity and c.identity = e.identity and c.occurred_at = e.occurred_at
  left join rates r on r.id = coalesce(c.rate_id, e.rate_id)
  where c.is_void is not true and (
    r.id is null
    or (
      (e.other_quantities is not null or not r.unit_prices ?& array['input', 'cached_input', 'output', 'reasoning'])
      and exists (
        select from jsonb_object_keys(quantities_of(
          e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens, e.other_quantities
        )) meter
        where not r.unit_prices ? meter
      )
    )
  )`;

export const WAITING = Prisma.sql`
  select identity as key, 1 as amount from rated_events where unpriced_meters is not null`;
