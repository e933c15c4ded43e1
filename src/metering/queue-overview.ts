/** What waits on the usage queues: how much, since when, of whom, and whether anything keeps it from being taken. */
import { Injectable } from '@nestjs/common';
import { parseSubject } from '@tally/client/protocol';
import type { Queue } from 'bullmq';
import { UsageQueue, type UsageQueueLook } from '../platform/queues.js';
import { askRedis } from '../platform/redis-errors.js';
import { bodiesOf } from './job-reading.js';
import { strandedCount } from './paused-lists.js';

export type QueueLook = UsageQueueLook & {
  /** Jobs in the list of a queue that another version of BullMQ paused. */
  readonly pausedJobs: number;
};

export type QueueOverview = {
  readonly queues: readonly QueueLook[];
  /** With the most events that wait, most first. An entity of null is what names nobody. */
  readonly entities: readonly { readonly entity: string | null; readonly events: number }[];
  /** Not all jobs were looked at: the oldest and the newest of each queue. */
  readonly isSampled: boolean;
};

/** Jobs of a queue whose events are told apart by entity, from each end. */
const LOOKED_AT_MAX = 200;
const EVENTS_MAX = 50_000;
const ENTITIES_MAX = 20;
const WAITING = ['waiting', 'prioritized', 'delayed'] as const;

@Injectable()
export class QueueOverviews {
  constructor(private readonly usageQueue: UsageQueue) {}

  /** Throws Unavailable. */
  async look(): Promise<QueueOverview> {
    const queues = this.usageQueue.all();
    const [looked, pausedJobs] = await Promise.all([
      this.usageQueue.looks(),
      askRedis(Promise.all(queues.map(strandedCount))),
    ]);
    const looks = looked.map((look, index) => ({ ...look, pausedJobs: pausedJobs[index] ?? 0 }));
    const events = new Map<string | null, number>();
    let [isSampled, read] = [false, 0];
    for (const [index, queue] of queues.entries()) {
      isSampled ||= looks[index]!.waiting > 2 * LOOKED_AT_MAX || read >= EVENTS_MAX;
      if (read < EVENTS_MAX) read += await askRedis(addEvents(queue, events));
    }
    const most = [...events].sort(([a, x], [b, y]) => y - x || ((a ?? '') < (b ?? '') ? -1 : 1));
    const entities = most.slice(0, ENTITIES_MAX).map(([entity, count]) => ({ entity, events: count }));
    return { queues: looks, entities, isSampled };
  }
}

/** Returns how many events it read. */
async function addEvents(queue: Queue, events: Map<string | null, number>): Promise<number> {
  const last = LOOKED_AT_MAX - 1;
  const ends = await Promise.all([true, false].map((asc) => queue.getJobs([...WAITING], 0, last, asc)));
  const jobs = new Map(ends.flat().map((job) => [job.id, job]));
  let count = 0;
  for (const job of jobs.values()) {
    for (const body of bodiesOf(job)) {
      const entity = entityIn(body);
      events.set(entity, (events.get(entity) ?? 0) + 1);
      count += 1;
    }
  }
  return count;
}

export function entityIn(body: unknown): string | null {
  const subject: unknown = (body as { subject?: unknown } | null | undefined)?.subject;
  return typeof subject === 'string' ? (parseSubject(subject)?.entity ?? null) : null;
}
