/** As many requests as a server takes, in a closed loop. autocannon's own figures are whole milliseconds, and it ends at a whole second. */
import autocannon from 'autocannon';

export type LoadResult = {
  readonly count: number;
  /** Until the last answer. */
  readonly perSecond: number;
  /** At a fixed rate from when a request was due. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
};

export async function fullLoad(options: autocannon.Options): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  let answeredMs = startedMs;
  const { requests, non2xx, errors } = await new Promise<autocannon.Result>((resolve, reject) => {
    const load = autocannon(options, (error: Error | null, done) =>
      error === null ? resolve(done) : reject(error),
    );
    load.on('response', (_client, _status, _bytes, ms) => {
      latenciesMs.push(ms);
      answeredMs = performance.now();
    });
  });
  const sorted = Float64Array.from(latenciesMs).toSorted();
  return {
    count: requests.total,
    perSecond: requests.total / ((answeredMs - startedMs) / 1_000),
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    failed: non2xx + errors,
  };
}
