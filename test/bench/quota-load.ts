/** Load on one HTTP server, from a process of its own: pairs of a reservation and its release. */
import type autocannon from 'autocannon';
import { fullLoad, type LoadResult } from './full-load.js';
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
const CONNECTIONS = 32;

process.on('message', (order: LoadOrder) => {
  void run(order).then((result) => process.send?.(result));
});

async function run(order: LoadOrder): Promise<LoadResult> {
  const { rate } = order;
  return rate === null ? pairs(order) : steadyLoad({ ...order, rate });
}

function pairs({ url, prefix, headers, body, seconds }: LoadOrder): Promise<LoadResult> {
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
  return fullLoad({ url, connections: CONNECTIONS, duration: seconds, requests: [reserve, release] });
}
