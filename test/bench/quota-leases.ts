/** What a decision costs in the gateway's own process, on a lease that a real Tally grants and renews meanwhile. */
import { setImmediate as turn } from 'node:timers/promises';
import { LeasedQuota } from '../../packages/client/src/leases/leased-quota.js';
import { TallyClient } from '../../packages/client/src/tally-client.js';
import { printTable } from './table.js';
import type { Target } from './targets.js';

const DECISIONS = 1_000_000;
const WARM_UP = 100_000;
/** Requests in one turn of the event loop. Renewals and their answers are handled in between. */
const BURST = 100;
const RUNNING = [0, 10_000];

type Order = {
  readonly url: string;
  readonly apiKey: string;
  readonly project: string;
  readonly model: string;
};

/** Each decision is timed alone by the nanosecond clock; its time includes reading that clock once. */
export async function benchLeases({ url, apiKey, project, model }: Order): Promise<Target> {
  const rows = [];
  for (const running of RUNNING) {
    const quota = new LeasedQuota({ tally: new TallyClient({ baseUrl: url, apiKey }) });
    const wanted = { project, model, inputTokens: 1, maxOutputTokens: 0 };
    while (quota.reserveLocally(wanted) === null) await turn();
    for (let n = 0; n < running; n += 1) {
      while (quota.reserveLocally(wanted) === null) await turn();
    }
    await measure(quota, wanted, WARM_UP);
    rows.push({ 'requests running': running, ...(await measure(quota, wanted, DECISIONS)) });
    await quota.close();
  }
  printTable('A decision in the gateway itself, on a lease (p50 and p99 of each one timed alone)', rows);
  const measured = Math.max(...rows.map((row) => row['p99, µs']));
  return { of: 'p99 of a decision on a lease, µs', measured, most: 10 };
}

type Wanted = Parameters<LeasedQuota['reserveLocally']>[0];

async function measure(quota: LeasedQuota, wanted: Wanted, count: number) {
  const nanos = new Float64Array(count);
  let admitted = 0;
  let missed = 0;
  while (admitted < count) {
    const ids = [];
    for (let n = 0; n < BURST && admitted < count; n += 1) {
      const started = process.hrtime.bigint();
      const id = quota.reserveLocally(wanted);
      nanos[admitted] = Number(process.hrtime.bigint() - started);
      if (id === null) missed += 1;
      else {
        ids.push(id);
        admitted += 1;
      }
    }
    for (const id of ids) await quota.release(id);
    await turn();
  }
  const sorted = nanos.toSorted();
  const micros = (share: number) => sorted[Math.floor((count - 1) * share)]! / 1_000;
  return {
    decisions: count,
    'p50, µs': micros(0.5),
    'p99, µs': micros(0.99),
    'p99.9, µs': micros(0.999),
    'max, µs': micros(1),
    'left to Tally, %': (missed / (missed + count)) * 100,
  };
}
