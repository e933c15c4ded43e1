/** An entity's usage as JSON. */
import { formatUsd } from '@tally/client/protocol';
import type { Range } from '../domain/buckets.js';
import { unixSeconds } from '../domain/unix-time.js';
import type { EntityUsage } from './entity-usage.schema.js';
import type { EntityUsageQuery, EntityUsageRow } from './entity-usage.js';

export function presentEntityUsage(
  { entity, groupBy }: Pick<EntityUsageQuery, 'entity' | 'groupBy'>,
  { start, end, rows }: Range & { rows: readonly EntityUsageRow[] },
): EntityUsage {
  const names = groupBy.filter((group) => group !== 'meter');
  return {
    object: 'entity_usage',
    entity,
    start_time: unixSeconds(start),
    end_time: unixSeconds(end),
    group_by: [...groupBy],
    data: rows.map((row) => ({
      ...(row.bucket !== null && {
        start_time: unixSeconds(row.bucket.start),
        end_time: unixSeconds(row.bucket.end),
      }),
      ...Object.fromEntries(names.map((name, index) => [name, row.groups[index] ?? null])),
      ...(row.meter !== null && { meter: row.meter }),
      requests: row.requests === null ? null : Number(row.requests),
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
