/** What a request's reports have seen: how far the standby that they were read from lagged. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** `seconds`: of the oldest snapshot that was read; null where none was read, or there is no standby. */
export type ReportLag = { seconds: number | null };

const requests = new AsyncLocalStorage<ReportLag>();

/** What `run` reads, also later on, is noted in `lag`. */
export function noting(lag: ReportLag, run: () => void): void {
  requests.run(lag, run);
}

export function noteLag(seconds: number): void {
  const lag = requests.getStore();
  if (lag !== undefined) lag.seconds = Math.max(lag.seconds ?? 0, seconds);
}
