/**
 * Costs in OpenAI's shape, as text. The amount is a JSON number there, which a JavaScript number would round, so the exact decimal's
 * digits are written out. A client that reads a double rounds once, on its own side.
 */
import { formatUsd } from '@tally/client/protocol';
import { labelOf } from '../domain/meters.js';
import type { FilledPage } from './bucket-pages.js';
import type { BucketedCost } from './organization-costs.sql.js';
import { unixSeconds } from '../domain/unix-time.js';

export function presentCosts(page: FilledPage<BucketedCost>): string {
  const data = page.buckets.map(({ start, end, rows }) => {
    const results = rows.map(presentResult).join(',');
    return `{"object":"bucket","start_time":${unixSeconds(start)},"end_time":${unixSeconds(end)},"results":[${results}]}`;
  });
  const next = JSON.stringify(page.next);
  return `{"object":"page","data":[${data.join(',')}],"has_more":${page.next !== null},"next_page":${next}}`;
}

function presentResult(row: BucketedCost): string {
  const amount = `{"value":${formatUsd(row.costPicos)},"currency":"usd"}`;
  const { lineItem } = row;
  const line_item = lineItem === null ? null : `${lineItem.model}, ${labelOf(lineItem.meter)}`;
  const groups = { line_item, project_id: row.project, api_key_id: row.apiKey };
  const quantity = lineItem === null ? {} : { quantity: Number(row.quantity) };
  const rest = JSON.stringify({ ...groups, ...quantity }).slice(1);
  return `{"object":"organization.costs.result","amount":${amount},${rest}`;
}
