/** The latency of the quota's routes at an even half of the service's top rate. */
import type { LoadResult } from './full-load.js';
import type { LoadOrder } from './quota-load.js';
import type { Peer } from './quota-servers.js';
import { printTable } from './table.js';
import type { Target } from './targets.js';

const FIXED_RATE_SECONDS = 8;

export async function latencyAtHalfRate(
  peers: Record<string, Peer>,
  measure: (order: LoadOrder) => Promise<LoadResult>,
  untilRewritten: () => Promise<void>,
): Promise<Target> {
  const tally = peers['Tally']!;
  const rate = Math.floor((await measure(tally.order)).perSecond / 2);
  const rows = [];
  let inServer = NaN;
  for (const [name, { order }] of Object.entries(peers)) {
    await untilRewritten();
    const before = await timesOf(tally.order);
    const { p50Ms, p99Ms } = await measure({ ...order, rate, seconds: FIXED_RATE_SECONDS });
    const own = name === 'Tally' ? quantileMs(before, await timesOf(tally.order), 0.99) : null;
    if (own !== null) inServer = own;
    rows.push({
      server: name,
      'requests/s': rate,
      'p50, ms': p50Ms,
      'p99, ms': p99Ms,
      'p99 in the server, ms': own ?? '',
    });
  }
  printTable(
    "Latency at half of Tally's top rate, evenly sent, counted from when each request was due",
    rows,
  );
  return { of: 'p99 in the server at half rate, ms', measured: inServer, most: 5 };
}

/** How many reservation requests took at most each upper bound of the service's own histogram, in seconds. */
async function timesOf({ url, headers }: LoadOrder): Promise<Map<number, number>> {
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  const counts = new Map<number, number>();
  const line = /^tally_http_request_duration_seconds_bucket\{(.*)\} (\d+)$/gm;
  for (const [, labels = '', count] of text.matchAll(line)) {
    if (!labels.includes('route="/v1/quota/reservations')) continue;
    const bound = Number(/le="([^"]+)"/.exec(labels)![1]!.replace('+Inf', 'Infinity'));
    counts.set(bound, (counts.get(bound) ?? 0) + Number(count));
  }
  return counts;
}

/** As Prometheus computes it: interpolated within the bucket that contains the quantile. */
function quantileMs(before: Map<number, number>, after: Map<number, number>, quantile: number): number {
  const bounds = [...after.keys()].toSorted((a, b) => a - b);
  const countTo = (bound: number) => after.get(bound)! - (before.get(bound) ?? 0);
  const wanted = countTo(Infinity) * quantile;
  const upper = bounds.find((bound) => countTo(bound) >= wanted)!;
  const lower = bounds[bounds.indexOf(upper) - 1] ?? 0;
  const below = lower === 0 ? 0 : countTo(lower);
  return (lower + ((upper - lower) * (wanted - below)) / (countTo(upper) - below)) * 1_000;
}
