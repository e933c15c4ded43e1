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
    data: rows.map((row) => presentRow(row, names)),
  };
}

/** Thousands of rows are one answer, so each is written into one object. */
function presentRow(row: EntityUsageRow, names: readonly string[]): EntityUsage['data'][number] {
  const quantities: Record<string, number> = {};
  const costs: Record<string, string> = {};
  const unpriced: string[] = [];
  for (const { meter, quantity, costPicos, unpriced: waiting } of row.meters) {
    quantities[meter] = Number(quantity);
    costs[meter] = formatUsd(costPicos);
    if (waiting !== 0n) unpriced.push(meter);
  }
  const shown: Record<string, unknown> = {};
  if (row.bucket !== null) {
    shown['start_time'] = unixSeconds(row.bucket.start);
    shown['end_time'] = unixSeconds(row.bucket.end);
  }
  for (const [index, name] of names.entries()) shown[name] = row.groups[index] ?? null;
  if (row.meter !== null) shown['meter'] = row.meter;
  return Object.assign(shown, {
    requests: row.requests === null ? null : Number(row.requests),
    input_tokens: Number(row.inputTokens),
    cached_input_tokens: Number(row.cachedInputTokens),
    output_tokens: Number(row.outputTokens),
    quantities,
    cost_usd: formatUsd(row.costPicos),
    meter_costs_usd: costs,
    unpriced_meters: unpriced,
  });
}
