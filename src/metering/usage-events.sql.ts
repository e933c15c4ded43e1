/** Rated events: one immutable row each, partitioned by the month in which the usage occurred. */
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';
import { UNPRICED } from '../domain/price.js';
import { columnsOf } from '../domain/meter-charges.js';
import { burnsJson, burntPicos } from './rated-event.js';
import type { NewRatedEvent } from './rating.js';

/** Inserts events whose identities this transaction has claimed; a clash here is a bug and fails the batch. */
export async function insertEvents(tx: Tx, rows: readonly NewRatedEvent[], bookedAt: Date): Promise<void> {
  const column = <T>(pick: (row: NewRatedEvent) => T): T[] => rows.map(pick);
  const columns = rows.map(({ event }) => columnsOf(event.quantities));
  await tx.$executeRaw`
    insert into usage_events (
      occurred_at, identity, source, id, entity, project, model, operation, booked_at, period,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      other_quantities, service_tier, unpriced_meters, rate_id, cost_picos, burnt_picos, burns,
      usage_source, reservation_id, api_key_id, user_id, request_id, tags, details
    )
    select
      occurred_at, identity, source, id, entity, project, model, operation, ${bookedAt}::timestamptz, period,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      other_quantities::jsonb, service_tier, string_to_array(unpriced_meters, ','), rate_id, cost_picos, burnt_picos, burns::jsonb,
      usage_source, reservation_id, api_key_id, user_id, request_id, tags::jsonb, details::jsonb
    from unnest(
      ${pgArray(column((r) => r.event.occurredAt))}::timestamptz[],
      ${pgArray(column((r) => r.identity))}::uuid[],
      ${pgArray(column((r) => r.event.source))}::text[],
      ${pgArray(column((r) => r.event.id))}::text[],
      ${pgArray(column((r) => r.event.entity))}::text[],
      ${pgArray(column((r) => r.event.project))}::text[],
      ${pgArray(column((r) => r.event.model))}::text[],
      ${pgArray(column((r) => r.event.operation))}::text[],
      ${pgArray(column((r) => r.period))}::text[],
      ${pgArray(columns.map((c) => c.inputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.cachedInputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.outputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.reasoningTokens))}::bigint[],
      ${pgArray(columns.map((c) => jsonOrNull(c.otherQuantities)))}::text[],
      ${pgArray(column((r) => r.event.serviceTier))}::text[],
      ${pgArray(column(waitingText))}::text[],
      ${pgArray(column((r) => r.rateId))}::bigint[],
      ${pgArray(column((r) => r.costPicos))}::numeric[],
      ${pgArray(column((r) => burntPicos(r.burns)))}::numeric[],
      ${pgArray(column((r) => burnsJson(r.burns)))}::text[],
      ${pgArray(column((r) => r.event.usageSource))}::text[],
      ${pgArray(column((r) => r.event.reservationId))}::text[],
      ${pgArray(column((r) => r.event.apiKeyId))}::text[],
      ${pgArray(column((r) => r.event.userId))}::text[],
      ${pgArray(column((r) => r.event.requestId))}::text[],
      ${pgArray(column((r) => jsonOrNull(r.event.tags)))}::text[],
      ${pgArray(column((r) => jsonOrNull(detailsOf(r))))}::text[]
    ) as t (
      occurred_at, identity, source, id, entity, project, model, operation, period,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      other_quantities, service_tier, unpriced_meters, rate_id, cost_picos, burnt_picos, burns,
      usage_source, reservation_id, api_key_id, user_id, request_id, tags, details
    )
    order by occurred_at, identity`;
}

/** Null where nothing waits; empty where the model has no price and nothing but the request is to be charged. */
function waitingText({ rateId, unpricedMeters }: NewRatedEvent): string | null {
  return rateId !== UNPRICED && unpricedMeters.length === 0 ? null : unpricedMeters.join(',');
}

/** What few events have; null for the usual one. */
function detailsOf({ event, isTierUnread }: NewRatedEvent): object | null {
  const { region, attributes, rawUsage, mended } = event;
  const unread = isTierUnread ? [...event.unread, 'service_tier'] : event.unread;
  if (region === null && attributes === null && unread.length === 0 && mended.length === 0) return null;
  return {
    ...(region !== null && { region }),
    ...(attributes !== null && { attributes }),
    ...(unread.length > 0 && { unread }),
    ...(rawUsage !== null && { usage: rawUsage }),
    ...(mended.length > 0 && { mended }),
  };
}

function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
