/**
 * Upkeep of many entities, each on its own: one that fails or is locked is left for the next round, and the others go on. The round
 * tells at its end what it could not do.
 */
import type { Database, Restart, Tx } from './database.js';
import { boundLockWaits } from './lock-wait.sql.js';
import { sqlStateOf } from './postgres-errors.js';
import { isUnavailable } from './unavailable.js';

/** How long a round waits for an entity that another transaction has locked. */
const LOCK_WAIT_MS_MAX = 1_000;
/** A server that so many in a row find unavailable is unavailable for the rest too. */
const UNAVAILABLE_IN_A_ROW_MAX = 3;
const FAILURES_KEPT_MAX = 100;
/** A statement of one entity took longer than it may, which says nothing of the others. */
const CANCELED = '57014';

export type Failure = { readonly entity: string; readonly error: unknown };

/** The rest of the round is done. */
export class RoundError extends Error {
  override readonly name = 'RoundError';

  constructor(
    /** The first hundred. */
    readonly failures: readonly Failure[],
    counts: { readonly failed: number; readonly tried: number },
  ) {
    super(`${counts.failed} of ${counts.tried} failed, the first one by: ${String(failures[0]?.error)}`);
  }
}

/**
 * Does each, adds up what `run` returns, and throws a RoundError where one failed. Ends early when the signal says so: each round may
 * be followed by another.
 */
export async function oneByOne<T extends { readonly entity: string }>(
  items: AsyncIterable<T>,
  run: (item: T) => Promise<number>,
  signal?: AbortSignal,
): Promise<number> {
  const failures: Failure[] = [];
  let [changed, tried, failed, unavailableInARow] = [0, 0, 0, 0];
  for await (const item of items) {
    if (signal?.aborted === true) break;
    tried += 1;
    try {
      changed += await run(item);
      unavailableInARow = 0;
    } catch (error) {
      failed += 1;
      if (failures.length < FAILURES_KEPT_MAX) failures.push({ entity: item.entity, error });
      unavailableInARow = isUnavailable(error) && sqlStateOf(error) !== CANCELED ? unavailableInARow + 1 : 0;
      if (unavailableInARow === UNAVAILABLE_IN_A_ROW_MAX) throw error;
    }
  }
  if (failed > 0) throw new RoundError(failures, { failed, tried });
  return changed;
}

/** All pages; `find` gets the last one of the page before. It ends with a page that is empty. */
export async function* pagesOf<T>(find: (after: T | null) => Promise<readonly T[]>): AsyncGenerator<T> {
  for (let after: T | null = null; ;) {
    const page: readonly T[] = await find(after);
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1)!;
  }
}

/** A transaction of one entity, which waits for its lock no longer than a round may. */
export function transactionOfOne<T>(database: Database, work: (tx: Tx) => Promise<T | Restart>): Promise<T> {
  return database.transaction(async (tx) => {
    await boundLockWaits(tx, { waitMsMax: LOCK_WAIT_MS_MAX });
    return work(tx);
  });
}
