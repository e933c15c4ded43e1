/** How much waits on the usage queues, and for how long, asked when Prometheus does. */
import { Gauge } from 'prom-client';
import type { Metrics } from './metrics.js';
import type { UsageQueue, UsageQueueLook } from './queues.js';
import { isUnavailable } from './unavailable.js';

/** While the queue's Redis is unavailable neither has a value. */
export function observeUsageQueue({ registry }: Metrics, usageQueue: UsageQueue): void {
  let looking: Promise<readonly UsageQueueLook[]> | null = null;
  // Both are collected side by side, and look once.
  const looks = () => (looking ??= looksAt(usageQueue).finally(() => (looking = null)));
  const gauge = (name: string, help: string, of: (look: UsageQueueLook) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['queue'],
      registers: [registry],
      async collect() {
        const looked = await looks();
        this.reset();
        for (const look of looked) this.set({ queue: look.name }, of(look));
      },
    });
  gauge(
    'tally_queue_waiting_jobs',
    'Jobs of a usage queue that no worker has taken, of up to 1,000 events each.',
    ({ waiting }) => waiting,
  );
  gauge(
    'tally_queue_oldest_seconds',
    'How long the oldest job of a usage queue has waited; 0 where none waits.',
    ({ oldestSeconds }) => oldestSeconds ?? 0,
  );
}

async function looksAt(usageQueue: UsageQueue): Promise<readonly UsageQueueLook[]> {
  try {
    return await usageQueue.looks();
  } catch (error) {
    if (isUnavailable(error)) return [];
    throw error;
  }
}
