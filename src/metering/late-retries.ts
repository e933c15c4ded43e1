/**
 * Jobs that a worker whose clock is ahead has put back. BullMQ goes by the machine's clock, so the others would leave such a job alone for
 * as long as that clock is ahead. They take it once it waits for longer than any retry does.
 */
import { Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { RETRY_MS_MAX } from './job-retry.js';

/** Looked at in one command, the nearest first. */
const LOOKED_AT_MAX = 1_000;
/** BullMQ's order of delayed jobs: milliseconds, and a number within the millisecond. */
const SCORE_OF_MS = 0x1000;
/** The field of a job that counts how often it was started; BullMQ leaves it out before the first time. */
const ATTEMPTS_STARTED = 'ats';

/**
 * Hands out again jobs that were put back for longer than any retry waits, and returns how many. `nowMs` is the later of the machine's clock
 * and Postgres', so a machine whose own clock is ahead does not take its own retries for late. A job that was never started keeps the delay
 * that its producer asked for. However many of those there are, the round goes on behind them, and it reads no job's body but those it moves.
 */
export async function handOutLate(queue: Queue, nowMs: number): Promise<number> {
  const redis = (await queue.backend.client) as unknown as Redis;
  const after = `(${(nowMs + RETRY_MS_MAX) * SCORE_OF_MS}`;
  let [count, passed] = [0, 0];
  for (;;) {
    const limit = ['LIMIT', passed, LOOKED_AT_MAX] as const;
    const ids = await redis.zrangebyscore(queue.toKey('delayed'), after, '+inf', ...limit);
    const late = await startedOf(redis, queue, ids);
    let moved = 0;
    for (const id of late) if (await promote(queue, id)) moved += 1;
    count += moved;
    if (ids.length < LOOKED_AT_MAX) return count;
    // Those that were moved are no longer in the list.
    passed += ids.length - moved;
  }
}

async function startedOf(redis: Redis, queue: Queue, ids: readonly string[]): Promise<string[]> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hmget(queue.toKey(id), ATTEMPTS_STARTED);
  const answers = (await pipeline.exec()) ?? [];
  return ids.filter((_, index) => {
    const [error, fields] = answers[index] ?? [];
    if (error) throw error;
    return Number((fields as [string | null])[0] ?? 0) > 0;
  });
}

/** False where another process was faster. */
async function promote(queue: Queue, id: string): Promise<boolean> {
  const job = await Job.fromId(queue, id);
  if (job === undefined) return false;
  return job.promote().then(
    () => true,
    () => false,
  );
}
