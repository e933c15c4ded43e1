/** Retries a job of the queue with events that could not be counted. */
import { DelayedError, type Job } from 'bullmq';
import type { Wait } from './delivery.js';

const RETRY_MS = 2_000;
/** Where the fault is ours. The delay doubles from RETRY_MS until then: somebody must mend it first. */
const FAULT_RETRY_MS_MAX = 60_000;
/** No retry waits longer. */
export const RETRY_MS_MAX = 2 * FAULT_RETRY_MS_MAX;

/** Up to twice as long, by chance, so that jobs that failed together do not come back together. */
export function retryDelayMs(kind: Wait['kind'], attemptsStarted: number): number {
  const growth = kind === 'fault' ? 2 ** Math.min(30, Math.max(0, attemptsStarted - 1)) : 1;
  return Math.min(FAULT_RETRY_MS_MAX, RETRY_MS * growth) * (1 + Math.random());
}

/**
 * Schedules the job for another try, and throws what tells BullMQ that it did. That uses up none of the job's attempts: they are
 * the producer's, and the fault is ours.
 */
export async function retryLater(
  job: Job,
  { atMs, token }: { atMs: number; token: string | undefined },
): Promise<never> {
  await job.moveToDelayed(atMs, token);
  throw new DelayedError();
}
