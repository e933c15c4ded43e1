/** Usage on the queue (BullMQ). A job carries one event or an array of up to 1,000. */

export const USAGE_QUEUE = 'usage-events';
export const USAGE_JOB = 'usage';

/** About six days of retries: a job that fails is waiting for the database, and giving up would lose its events. */
export const USAGE_JOB_OPTIONS = {
  attempts: 100_000,
  backoff: { type: 'fixed', delay: 5_000, jitter: 0.5 },
  removeOnComplete: true,
} as const;
