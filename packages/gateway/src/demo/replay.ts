/** Adds events to the queue, as a gateway does, and waits until all of them are counted. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_QUEUE, type UsageEvent } from '@tally/client/protocol';
import { pause } from './service.js';

const ADD_JOBS = 500;
const JOB_EVENTS = 100;
const LARGE_JOB_EVENTS = 500;
const POLL_MS = 150;

type Delivery = {
  readonly redisUrl: string;
  /** Called while jobs wait. */
  readonly look: (jobsOpen: number) => Promise<void> | void;
};

/** Every event twice: once in a job of its own, and once, in another order, in a job of a hundred events. */
export async function replay(
  events: readonly UsageEvent[],
  options: {
    redisUrl: string;
    counted: () => Promise<number>;
    show: (counted: number, note: string) => void;
  },
): Promise<{ seconds: number; jobs: number }> {
  const jobs = [...events.map((event) => event as unknown), ...groupsOf(events.toReversed(), JOB_EVENTS)];
  const startedMs = performance.now();
  const look = async (jobsOpen: number): Promise<void> => {
    const counted = await options.counted();
    options.show(counted, `events counted, ${jobsOpen.toLocaleString('en-US')} jobs waiting`);
  };
  await deliver(jobs, { redisUrl: options.redisUrl, look });
  return { seconds: (performance.now() - startedMs) / 1000, jobs: jobs.length };
}

/** Every event once, in large jobs. */
export async function sendAll(
  events: readonly UsageEvent[],
  { redisUrl, show }: { redisUrl: string; show: (sent: number) => void },
): Promise<void> {
  const jobs = groupsOf(events, LARGE_JOB_EVENTS);
  const look = (jobsOpen: number): void => show(Math.max(0, events.length - jobsOpen * LARGE_JOB_EVENTS));
  await deliver(jobs, { redisUrl, look });
}

async function deliver(jobs: readonly unknown[], { redisUrl, look }: Delivery): Promise<void> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(USAGE_QUEUE, { connection });
  try {
    const adding = addAll(queue, jobs);
    let open = Infinity;
    for (let added = false; open > 0 || !added;) {
      added = await Promise.race([adding.then(() => true), pause(POLL_MS).then(() => false)]);
      open = await queue.getJobCountByTypes('wait', 'active', 'delayed', 'prioritized');
      await look(open);
    }
  } finally {
    await queue.close();
    connection.disconnect();
  }
}

function groupsOf(events: readonly UsageEvent[], size: number): UsageEvent[][] {
  const groups = [];
  for (let start = 0; start < events.length; start += size) groups.push(events.slice(start, start + size));
  return groups;
}

async function addAll(queue: Queue, jobs: readonly unknown[]): Promise<void> {
  const opts = { removeOnComplete: true, attempts: 1_000, backoff: { type: 'exponential', delay: 1_000 } };
  for (let start = 0; start < jobs.length; start += ADD_JOBS) {
    await queue.addBulk(jobs.slice(start, start + ADD_JOBS).map((data) => ({ name: USAGE_JOB, data, opts })));
  }
}
