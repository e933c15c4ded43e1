/** Retries a job of the queue that Postgres or Redis could not take. */
import { DelayedError, type Job } from 'bullmq';

const RETRY_MS = 2_000;

/**
 * Schedules the job for another try, two to four seconds from now, and throws what tells BullMQ that it did. That uses up none of
 * the job's attempts: they are the producer's, and the fault is ours.
 */
export async function retryLater(
  job: Job,
  { nowMs, token }: { nowMs: number; token: string | undefined },
): Promise<never> {
  await job.moveToDelayed(nowMs + RETRY_MS * (1 + Math.random()), token);
  throw new DelayedError();
}
