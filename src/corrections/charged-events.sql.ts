/** Events that are charged where they stand: usage without any price, once its model has one and while its period is open. */
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';
import { burnsJson, burntPicos } from '../metering/rated-event.js';
import type { NewRatedEvent } from '../metering/rating.js';

/** Writes the rate and the payment of events that had none; their periods stay. */
export async function chargeEvents(tx: Tx, rows: readonly NewRatedEvent[], chargedAt: Date): Promise<void> {
  await tx.$executeRaw`
    update usage_events e set
      rate_id = r.rate_id,
      unpriced_meters = string_to_array(r.unpriced_meters, ','),
      cost_picos = r.cost_picos,
      burnt_picos = r.burnt_picos,
      burns = r.burns::jsonb,
      details = case when r.is_tier_unread
        then coalesce(e.details, '{}') || jsonb_build_object('unread', coalesce(e.details -> 'unread', '[]') || '["service_tier"]')
        else e.details
      end,
      charged_at = ${chargedAt}::timestamptz
    from unnest(
      ${pgArray(rows.map((r) => r.event.entity))}::text[],
      ${pgArray(rows.map((r) => r.event.occurredAt))}::timestamptz[],
      ${pgArray(rows.map((r) => r.identity))}::uuid[],
      ${pgArray(rows.map((r) => r.rateId))}::bigint[],
      ${pgArray(rows.map((r) => (r.unpricedMeters.length === 0 ? null : r.unpricedMeters.join(','))))}::text[],
      ${pgArray(rows.map((r) => r.costPicos))}::numeric[],
      ${pgArray(rows.map((r) => burntPicos(r.burns)))}::numeric[],
      ${pgArray(rows.map((r) => burnsJson(r.burns)))}::text[],
      ${pgArray(rows.map((r) => String(r.isTierUnread)))}::boolean[]
    ) as r (entity, occurred_at, identity, rate_id, unpriced_meters, cost_picos, burnt_picos, burns, is_tier_unread)
    where e.entity = r.entity and e.occurred_at = r.occurred_at and e.identity = r.identity and e.rate_id = 0`;
}
