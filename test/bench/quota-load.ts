/** Load on one HTTP server, from a process of its own: pairs of a reservation and its release. */
import autocannon from 'autocannon';
import { steadyLoad } from './steady-load.js';

export type LoadOrder = {
  readonly url: string;
  /** Before every path. */
  readonly prefix: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly seconds: number;
  /** Requests per second, evenly; null is as many as it takes. */
  readonly rate: number | null;
};
export type LoadResult = {
  readonly count: number;
  readonly perSecond: number;
  /** At a fixed rate from when a request was due. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
};

const CONNECTIONS = 32;

process.on('message', (order: LoadOrder) => {
  void run(order).then((result) => process.send?.(result));
});

async function run(order: LoadOrder): Promise<LoadResult> {
  const { rate } = order;
  return rate === null ? fullLoad(order) : steadyLoad({ ...order, rate });
}

async function fullLoad({ url, prefix, headers, body, seconds }: LoadOrder): Promise<LoadResult> {
  const reserve: autocannon.Request = {
    method: 'POST',
    path: `${prefix}/v1/quota/reservations`,
    headers,
    body,
    onResponse(_status, text, context) {
      (context as { id?: string }).id = /"id":"([^"]+)"/.exec(text)?.[1] ?? 'none';
    },
  };
  const release: autocannon.Request = {
    method: 'POST',
    headers,
    body: '{}',
    setupRequest: (request, context) => ({
      ...request,
      path: `${prefix}/v1/quota/reservations/${(context as { id?: string }).id}/release`,
    }),
  };
  const options = { url, connections: CONNECTIONS, duration: seconds, requests: [reserve, release] };
  const latenciesMs: number[] = [];
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const load = autocannon(options, (error: Error | null, done) =>
      error === null ? resolve(done) : reject(error),
    );
    // autocannon's own figures are whole milliseconds.
    load.on('response', (_client, _status, _bytes, ms) => latenciesMs.push(ms));
  });
  const { requests, non2xx, errors } = result;
  const sorted = Float64Array.from(latenciesMs).toSorted();
  return {
    count: requests.total,
    perSecond: requests.total / result.duration,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    failed: non2xx + errors,
  };
}
