/** The shape of a job that resolves all rows of a filter, some at a time: what it keeps between runs, and when it ends. */
import { Clock } from '../platform/clock.js';
import type { Database } from '../platform/database.js';
import type { JobRun } from '../jobs/job-kinds.js';

export type BulkState = {
  /** Rows that arrive from then on are left alone. */
  readonly to: Date;
  /** How many rows there were when it began. */
  readonly matching: number;
  readonly answered: number;
  /** Rows that could not be answered; of some kinds there are none. */
  readonly skipped?: number;
};

type Bounds = { readonly limit: number | null };

/** Where the filter names no end, it ends now, by the database's own clock: that clock stamps arrivals. */
export async function endOf({ to }: { readonly to: Date | null }, database: Database): Promise<Date> {
  if (to !== null) return to;
  const now = await new Clock().bookingTime(database.reader);
  return new Date(Math.floor(now.getTime() / 1_000) * 1_000 + 1_000);
}

/** What a job that began now would answer, if it could resolve every row. */
export function foreseen({ to, matching }: BulkState, { limit }: Bounds) {
  const answered = Math.min(matching, limit ?? matching);
  return { answered, remaining: matching - answered, to, dryRun: true };
}

/** What a job has answered. */
export function achieved(state: BulkState) {
  const { to, matching, answered } = state;
  return { answered, remaining: Math.max(0, matching - lookedAt(state)), to, dryRun: false };
}

/** How many more rows a job may look at. */
export function leftOf(state: BulkState, { limit }: Bounds): number {
  return limit === null ? Number.MAX_SAFE_INTEGER : limit - lookedAt(state);
}

export function reportProgress(run: JobRun<Bounds>, state: BulkState): void {
  const total = Math.min(state.matching, run.input.limit ?? state.matching);
  run.progress(total === 0 ? 0 : Math.min(1, lookedAt(state) / total));
}

/** Resolves rows until none is left, and returns the last state. `resolve` stores the state that it returns in the transaction of its work. */
export async function resolveAll<State extends BulkState, Row>(
  run: JobRun<Bounds>,
  first: State,
  {
    choose,
    resolve,
  }: {
    readonly choose: (state: State) => Promise<readonly Row[]>;
    readonly resolve: (state: State, rows: readonly Row[]) => Promise<State>;
  },
): Promise<State> {
  let state = first;
  for (;;) {
    run.signal.throwIfAborted();
    reportProgress(run, state);
    const rows = await choose(state);
    if (rows.length === 0) return state;
    state = await resolve(state, rows);
  }
}

function lookedAt({ answered, skipped = 0 }: BulkState): number {
  return answered + skipped;
}
