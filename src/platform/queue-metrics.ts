/** How much waits on the usage queues, and for how long, asked when Prometheus does. */
import { observeAsked, type AskedGauge } from './asked-gauges.js';
import { SHARED, type Metrics } from './metrics.js';
import type { UsageQueue, UsageQueueLook } from './queues.js';

type Look = readonly UsageQueueLook[];

/** While the queue's Redis is unavailable none has a value. */
export function observeUsageQueue(metrics: Metrics, usageQueue: UsageQueue): void {
  observeAsked(metrics, {
    of: 'queue',
    ask: () => usageQueue.looks(),
    gauges: [
      gauge(
        'tally_queue_waiting_jobs',
        'Jobs of a usage queue that no worker has taken, of up to 1,000 events each.',
        (look) => look.waiting,
      ),
      gauge(
        'tally_queue_delayed_jobs',
        'Of the waiting jobs, those that wait for another try.',
        (look) => look.delayed,
      ),
      gauge(
        'tally_queue_active_jobs',
        'Jobs of a usage queue that workers have taken and not ended.',
        (look) => look.active,
      ),
      gauge(
        'tally_queue_failed_jobs',
        'Jobs of a usage queue that failed and are kept, the newest 10,000. Their events are not counted.',
        (look) => look.failed,
      ),
      gauge('tally_queue_paused', '1 where somebody has paused the usage queue.', (look) =>
        Number(look.isPaused),
      ),
      gauge(
        'tally_queue_oldest_seconds',
        'How long the oldest job of a usage queue has waited; 0 where none waits.',
        (look) => look.oldestSeconds ?? 0,
      ),
    ],
  });
}

function gauge(name: string, help: string, of: (look: UsageQueueLook) => number): AskedGauge<Look> {
  return {
    name,
    help: `${help} ${SHARED}`,
    labelNames: ['queue'],
    samples: (looks) => looks.map((look) => ({ labels: { queue: look.name }, value: of(look) })),
  };
}
