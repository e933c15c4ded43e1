/** Rated events: one immutable row each, partitioned by the month in which the usage occurred. */
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';
import { burnsJson, burntPicos, type RatedEvent } from './rated-event.js';

/** Makes the partition of a month where it is missing. Run it outside the batch's transaction: it locks the parent table briefly. */
export async function ensurePartition(tx: Tx, month: Date): Promise<void> {
  await tx.$queryRaw`select ensure_usage_partition(${month}::timestamptz)::text`;
}

/** Inserts events whose identities this transaction has claimed; a clash here is a bug and fails the batch. */
export async function insertEvents(tx: Tx, rows: readonly RatedEvent[], bookedAt: Date): Promise<void> {
  const column = <T>(pick: (row: RatedEvent) => T): T[] => rows.map(pick);
  await tx.$executeRaw`
    insert into usage_events (
      occurred_at, identity, source, id, entity, project, model, operation, booked_at, period,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      price_id, cost_picos, burnt_picos, burns,
      usage_source, reservation_id, api_key_id, user_id, request_id, tags
    )
    select
      occurred_at, identity, source, id, entity, project, model, operation, ${bookedAt}::timestamptz, period,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      price_id, cost_picos, burnt_picos, burns::jsonb,
      usage_source, reservation_id, api_key_id, user_id, request_id, tags::jsonb
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
      ${pgArray(column((r) => r.event.tokens.inputTokens))}::bigint[],
      ${pgArray(column((r) => r.event.tokens.cachedInputTokens))}::bigint[],
      ${pgArray(column((r) => r.event.tokens.outputTokens))}::bigint[],
      ${pgArray(column((r) => r.event.tokens.reasoningTokens))}::bigint[],
      ${pgArray(column((r) => r.priceId))}::bigint[],
      ${pgArray(column((r) => r.costPicos))}::numeric[],
      ${pgArray(column((r) => burntPicos(r.burns)))}::numeric[],
      ${pgArray(column((r) => burnsJson(r.burns)))}::text[],
      ${pgArray(column((r) => r.event.usageSource))}::text[],
      ${pgArray(column((r) => r.event.reservationId))}::text[],
      ${pgArray(column((r) => r.event.apiKeyId))}::text[],
      ${pgArray(column((r) => r.event.userId))}::text[],
      ${pgArray(column((r) => r.event.requestId))}::text[],
      ${pgArray(column((r) => (r.event.tags === null ? null : JSON.stringify(r.event.tags))))}::text[]
    ) as t (
      occurred_at, identity, source, id, entity, project, model, operation, period,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      price_id, cost_picos, burnt_picos, burns,
      usage_source, reservation_id, api_key_id, user_id, request_id, tags
    )
    order by occurred_at, identity`;
}
