/**
 * Costs in OpenAI's shape, as text: the amount is a JSON number there, and a number of JavaScript would round it. So the digits of
 * the exact decimal are written as they are; a client that reads them as a double rounds once, at its own end.
 */
import { formatUsd } from '@tally/client/protocol';
import type { FilledPage } from './usage-page.js';
import type { BucketedCost } from './costs.sql.js';
import { unixSeconds } from '../http/list-page.js';

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
  const groups = { line_item: row.lineItem, project_id: row.project, api_key_id: row.apiKey };
  const quantity = row.lineItem === null ? {} : { quantity: Number(row.tokens) };
  const rest = JSON.stringify({ ...groups, ...quantity }).slice(1);
  return `{"object":"organization.costs.result","amount":${amount},${rest}`;
}
