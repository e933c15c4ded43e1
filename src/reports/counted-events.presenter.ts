/** Counted events as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { formatUsdPerMillionOrNull } from '../domain/money.js';
import { periodOf } from '../domain/period.js';
import { UNPRICED } from '../domain/price.js';
import { unixSeconds } from '../domain/unix-time.js';
import type { CountedEvent } from './counted-events.schema.js';
import type { CountedEvent as EventRow, EventCorrection } from './counted-events.sql.js';

/** The event's position in the order of pages. */
export function placeOf(row: EventRow): string {
  return `${row.occurredAt.getTime()}_${row.identity}`;
}

export function presentEvent(row: EventRow): CountedEvent {
  return {
    object: 'usage_event',
    id: placeOf(row),
    source: row.source,
    event_id: row.eventId,
    project: row.project,
    model: row.model,
    operation: row.operation,
    occurred_at: row.occurredAt.toISOString(),
    booked_at: unixSeconds(row.bookedAt),
    period: row.period,
    late: row.period !== periodOf(row.occurredAt),
    unpriced: row.priceId === UNPRICED,
    input_tokens: Number(row.inputTokens),
    cached_input_tokens: Number(row.cachedInputTokens),
    output_tokens: Number(row.outputTokens),
    reasoning_tokens: Number(row.reasoningTokens),
    price: row.priceId === UNPRICED ? null : String(row.priceId),
    input_usd_per_million: formatUsdPerMillionOrNull(row.inputPicosPerToken),
    cached_input_usd_per_million: formatUsdPerMillionOrNull(row.cachedInputPicosPerToken),
    output_usd_per_million: formatUsdPerMillionOrNull(row.outputPicosPerToken),
    cost_usd: formatUsd(row.costPicos),
    burns: Object.entries(row.burns ?? {}).map(([grant, picos]) => ({
      grant,
      amount_usd: formatUsd(BigInt(picos)),
    })),
    overage_usd: formatUsd(row.costPicos - row.burntPicos),
    corrections: (row.corrections ?? []).map(presentCorrection),
    usage_source: row.usageSource,
    api_key_id: row.apiKeyId,
    user_id: row.userId,
    request_id: row.requestId,
    tags: row.tags,
  };
}

function presentCorrection(correction: EventCorrection): CountedEvent['corrections'][number] {
  return {
    kind: correction.kind,
    period: correction.period,
    change_usd: formatUsd(BigInt(correction.newPicos) - BigInt(correction.oldPicos)),
    price: correction.newPriceId,
    reason: correction.reason,
    booked_at: unixSeconds(new Date(correction.bookedAt)),
  };
}
