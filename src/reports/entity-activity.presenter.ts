/** An entity's activity as JSON. */
import { formatUsd } from '@tally/client/protocol';
import type { QuantitySums } from '../domain/meters.js';
import { agrees, type Activity as ActivityOf } from './entity-activity.js';
import type { Activity } from './entity-activity.schema.js';
import { presentGrant } from '../credits/credits.presenter.js';
import { unixSeconds, unixSecondsOrNull } from '../domain/unix-time.js';

export function presentActivity(activity: ActivityOf): Activity {
  return {
    object: 'activity',
    entity: activity.entity,
    as_of: unixSeconds(activity.at),
    newest_usage_at: unixSecondsOrNull(activity.newestUsageAt),
    start_time: unixSeconds(activity.start),
    end_time: unixSeconds(activity.end),
    days: activity.days.map((row) => ({
      day: row.day,
      project: row.project,
      model: row.model,
      requests: Number(row.requests),
      input_tokens: Number(row.quantities.input ?? 0n),
      cached_input_tokens: Number(row.quantities.cached_input ?? 0n),
      output_tokens: Number((row.quantities.output ?? 0n) + (row.quantities.reasoning ?? 0n)),
      quantities: presentQuantities(row.quantities),
      cost_usd: formatUsd(row.costPicos),
      credits_usd: formatUsd(row.burntPicos),
    })),
    credits_after_usd: formatUsd(activity.burntAfterPicos),
    grants: activity.grants.map((grant) => ({
      ...presentGrant(grant, activity.at),
      voided_at: unixSecondsOrNull(grant.voidedAt),
    })),
    marks: presentMarks(activity),
    periods: activity.periods.map((sums) => ({
      period: sums.period,
      ok: agrees(sums),
      charged_usd: formatUsd(sums.chargedPicos),
      credits_usd: formatUsd(sums.burntPicos),
      overage_usd: formatUsd(sums.overagePicos),
      rolled_up_usd: formatUsd(sums.rolledUpPicos),
      projects_usd: formatUsd(sums.projectsPicos),
    })),
  };
}

function presentMarks({ marks, late, unpriced }: ActivityOf): Activity['marks'] {
  return {
    late_requests: late.reduce((sum, { requests }) => sum + Number(requests), 0),
    late_usd: formatUsd(late.reduce((sum, { costPicos }) => sum + costPicos, 0n)),
    late: late.map(({ occurredPeriod, period, requests, costPicos }) => ({
      occurred_period: occurredPeriod,
      period,
      requests: Number(requests),
      cost_usd: formatUsd(costPicos),
    })),
    unpriced_requests: Number(marks.unpricedRequests),
    unpriced_models: unpriced.filter(({ isWhole }) => isWhole).map(({ model }) => model),
    unpriced: unpriced.map(({ model, quantities }) => ({ model, quantities: presentQuantities(quantities) })),
    conflicts: Number(marks.conflicts),
    dead_letters: Number(marks.deadLetters),
  };
}

function presentQuantities(quantities: QuantitySums): Record<string, number> {
  return Object.fromEntries(Object.entries(quantities).map(([meter, quantity]) => [meter, Number(quantity)]));
}
