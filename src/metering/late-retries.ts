/**
 * Jobs that a worker whose clock is ahead has put back. BullMQ goes by the machine's clock, so the others would leave such a job alone for
 * as long as that clock is ahead. They take it once it waits for longer than any retry does.
 */
import { Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { RETRY_MS_MAX } from './job-retry.js';

/** Looked at in one round, the nearest first. */
const LOOKED_AT_MAX = 1_000;
/** BullMQ's order of delayed jobs: milliseconds, and a number within the millisecond. */
const SCORE_OF_MS = 0x1000;

/**
 * Hands out again jobs that were put back for longer than any retry waits, and returns how many. `nowMs` is the later of the machine's clock
 * and Postgres', so a machine whose own clock is ahead does not take its own retries for late. A job that was never started keeps the delay
 * that its producer asked for.
 */
export async function handOutLate(queue: Queue, nowMs: number): Promise<number> {
  const redis = (await queue.backend.client) as unknown as Redis;
  const after = `(${(nowMs + RETRY_MS_MAX) * SCORE_OF_MS}`;
  const ids = await redis.zrangebyscore(queue.toKey('delayed'), after, '+inf', 'LIMIT', 0, LOOKED_AT_MAX);
  let count = 0;
  for (const id of ids) {
    const job = await Job.fromId(queue, id);
    if (job === undefined || job.attemptsStarted === 0) continue;
    // Another process may have been faster.
    const isMoved = await job.promote().then(
      () => true,
      () => false,
    );
    if (isMoved) count += 1;
  }
  return count;
}
