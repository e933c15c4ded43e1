/** Rated events: one immutable row each, partitioned by the month in which the usage occurred. */
import { arrayLiteral } from '../platform/array-literal.js';
import type { Tx } from '../platform/database.js';
import { burnsJson, burntPicos, type RatedEvent } from './rated-event.js';

/** Makes the partition of a month where it is missing. Run it outside the batch's transaction: it locks the parent table briefly. */
export async function ensurePartition(tx: Tx, month: Date): Promise<void> {
  await tx.$queryRaw`select ensure_usage_partition(${month}::timestamptz)::text`;
}

/** Inserts events whose identities this transaction has claimed; a clash here is a bug and fails the batch. */
export async function insertEvents(tx: Tx, rows: readonly RatedEvent[], bookedAt: Date): Promise<void> {
  const column = (pick: (row: RatedEvent) => string | number | bigint | Date | null): string =>
    arrayLiteral(rows.map(pick));
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
      ${column((r) => r.event.occurredAt)}::timestamptz[],
      ${column((r) => r.identity)}::uuid[],
      ${column((r) => r.event.source)}::text[],
      ${column((r) => r.event.id)}::text[],
      ${column((r) => r.event.entity)}::text[],
      ${column((r) => r.event.project)}::text[],
      ${column((r) => r.event.model)}::text[],
      ${column((r) => r.event.operation)}::text[],
      ${column((r) => r.period)}::text[],
      ${column((r) => r.event.tokens.inputTokens)}::bigint[],
      ${column((r) => r.event.tokens.cachedInputTokens)}::bigint[],
      ${column((r) => r.event.tokens.outputTokens)}::bigint[],
      ${column((r) => r.event.tokens.reasoningTokens)}::bigint[],
      ${column((r) => r.priceId)}::bigint[],
      ${column((r) => r.costPicos)}::numeric[],
      ${column((r) => burntPicos(r.burns))}::numeric[],
      ${column((r) => burnsJson(r.burns))}::text[],
      ${column((r) => r.event.usageSource)}::text[],
      ${column((r) => r.event.reservationId)}::text[],
      ${column((r) => r.event.apiKeyId)}::text[],
      ${column((r) => r.event.userId)}::text[],
      ${column((r) => r.event.requestId)}::text[],
      ${column((r) => (r.event.tags === null ? null : JSON.stringify(r.event.tags)))}::text[]
    ) as t (
      occurred_at, identity, source, id, entity, project, model, operation, period,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      price_id, cost_picos, burnt_picos, burns,
      usage_source, reservation_id, api_key_id, user_id, request_id, tags
    )
    order by occurred_at, identity`;
}
