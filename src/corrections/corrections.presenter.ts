/** Corrections and re-ratings as JSON. */
import { formatUsd } from '@tally/client/protocol';
import type { CorrectionRow } from './usage-corrections.sql.js';
import type { ReratingReport } from './rerating.js';
import type * as schemas from './corrections.schema.js';
import { unixSeconds } from '../domain/unix-time.js';

export function presentCorrection(row: CorrectionRow): schemas.UsageCorrection {
  const burns = Object.entries(row.burns).map(([grant, picos]) => [grant, formatUsd(BigInt(picos))]);
  return {
    object: 'usage_correction',
    id: row.id,
    kind: row.kind,
    source: row.source,
    event_id: row.eventId,
    occurred_at: row.occurredAt.toISOString(),
    entity: row.entity,
    project: row.project,
    model: row.model,
    period: row.period,
    corrected_period: row.correctedPeriod,
    requests: Number(row.requests),
    input_tokens: Number(row.inputTokens),
    cached_input_tokens: Number(row.cachedInputTokens),
    output_tokens: Number(row.outputTokens),
    quantities: row.quantities,
    old_price_id: row.oldPriceId === null ? null : String(row.oldPriceId),
    new_price_id: row.newPriceId === null ? null : String(row.newPriceId),
    cost_usd: formatUsd(row.costPicos),
    credits_usd: Object.fromEntries(burns) as Record<string, string>,
    overage_usd: formatUsd(row.overagePicos),
    reason: row.reason,
    actor: row.actor,
    booked_at: unixSeconds(row.bookedAt),
  };
}

export function presentRerating(rerating: ReratingReport, { dryRun }: { dryRun: boolean }): schemas.Rerating {
  const { entities } = rerating;
  return {
    object: 'rerating',
    dry_run: dryRun,
    looked_at: rerating.lookedAt,
    changed: rerating.changed,
    complete: rerating.complete,
    ...presentChange({
      oldPicos: entities.reduce((sum, { oldPicos }) => sum + oldPicos, 0n),
      newPicos: entities.reduce((sum, { newPicos }) => sum + newPicos, 0n),
    }),
    entities: entities.map(({ entity, events, ...cost }) => ({
      entity,
      changed: events,
      ...presentChange(cost),
    })),
  };
}

function presentChange({ oldPicos, newPicos }: { oldPicos: bigint; newPicos: bigint }) {
  return {
    old_usd: formatUsd(oldPicos),
    new_usd: formatUsd(newPicos),
    delta_usd: formatUsd(newPicos - oldPicos),
  };
}
