/** An entity's usage as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { unixSeconds } from '../domain/unix-time.js';
import type { EntityUsage } from './entity-usage.schema.js';
import type { EntityUsageRow } from './entity-usage.js';

export function presentEntityUsage(of: {
  entity: string;
  start: Date;
  end: Date;
  rows: readonly EntityUsageRow[];
}): EntityUsage {
  return {
    object: 'entity_usage',
    entity: of.entity,
    start_time: unixSeconds(of.start),
    end_time: unixSeconds(of.end),
    data: of.rows.map((row) => ({
      project: row.project,
      model: row.model,
      requests: Number(row.requests),
      input_tokens: Number(row.inputTokens),
      cached_input_tokens: Number(row.cachedInputTokens),
      output_tokens: Number(row.outputTokens),
      quantities: Object.fromEntries(row.meters.map(({ meter, quantity }) => [meter, Number(quantity)])),
      cost_usd: formatUsd(row.costPicos),
      meter_costs_usd: Object.fromEntries(
        row.meters.map(({ meter, costPicos }) => [meter, formatUsd(costPicos)]),
      ),
      unpriced_meters: row.meters.flatMap(({ meter, unpriced }) => (unpriced === 0n ? [] : [meter])),
    })),
  };
}
