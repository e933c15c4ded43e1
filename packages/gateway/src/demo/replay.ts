/** Adds every event to the queue twice: once in a job of its own, and once, in another order, in a job of a hundred events. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_QUEUE, type UsageEvent } from '@tally/client/protocol';
import { pause } from './service.js';

const ADD_JOBS = 500;
const JOB_EVENTS = 100;
const POLL_MS = 150;

export async function replay(
  events: readonly UsageEvent[],
  options: {
    redisUrl: string;
    counted: () => Promise<number>;
    show: (counted: number, note: string) => void;
  },
): Promise<{ seconds: number; jobs: number }> {
  const connection = new Redis(options.redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(USAGE_QUEUE, { connection });
  try {
    const startedMs = performance.now();
    const jobs = [...events.map((event) => event as unknown), ...hundreds(events.toReversed())];
    const adding = addAll(queue, jobs);
    let open = Infinity;
    for (let added = false; open > 0 || !added;) {
      added = await Promise.race([adding.then(() => true), pause(POLL_MS).then(() => false)]);
      open = await queue.getJobCountByTypes('wait', 'active', 'delayed', 'prioritized');
      const counted = await options.counted();
      options.show(counted, `events counted, ${open.toLocaleString('en-US')} jobs waiting`);
    }
    return { seconds: (performance.now() - startedMs) / 1000, jobs: jobs.length };
  } finally {
    await queue.close();
    connection.disconnect();
  }
}

function hundreds(events: readonly UsageEvent[]): UsageEvent[][] {
  const groups = [];
  for (let start = 0; start < events.length; start += JOB_EVENTS)
    groups.push(events.slice(start, start + JOB_EVENTS));
  return groups;
}

async function addAll(queue: Queue, jobs: readonly unknown[]): Promise<void> {
  const opts = { removeOnComplete: true, attempts: 1_000, backoff: { type: 'exponential', delay: 1_000 } };
  for (let start = 0; start < jobs.length; start += ADD_JOBS) {
    await queue.addBulk(jobs.slice(start, start + ADD_JOBS).map((data) => ({ name: USAGE_JOB, data, opts })));
  }
}
