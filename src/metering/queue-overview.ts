/** What waits on the usage queues: how much, since when, of whom, and whether anything keeps it from being taken. */
import { Injectable } from '@nestjs/common';
import { parseSubject } from '@tally/client/protocol';
import type { Queue } from 'bullmq';
import { Clock } from '../platform/clock.js';
import { UsageQueue } from '../platform/queues.js';
import { askRedis } from '../platform/redis-errors.js';
import { bodiesOf } from './job-reading.js';
import { strandedCount } from './paused-lists.js';

export type QueueLook = {
  readonly name: string;
  /** Jobs that no worker has taken; of these `delayed` wait for another try. */
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
  readonly failed: number;
  readonly isPaused: boolean;
  /** Jobs in the list of a queue that another version of BullMQ paused. */
  readonly pausedJobs: number;
  /** Since the oldest job that waits was added. */
  readonly oldestSeconds: number | null;
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
  constructor(
    private readonly usageQueue: UsageQueue,
    private readonly clock: Clock,
  ) {}

  /** Throws Unavailable. */
  async look(): Promise<QueueOverview> {
    const queues = this.usageQueue.all();
    const looks = await askRedis(Promise.all(queues.map((queue) => this.lookAt(queue))));
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

  private async lookAt(queue: Queue): Promise<QueueLook> {
    const [counts, isPaused, pausedJobs, oldest] = await Promise.all([
      queue.getJobCounts(...WAITING, 'active', 'failed'),
      queue.isPaused(),
      strandedCount(queue),
      Promise.all(WAITING.map((state) => queue.getJobs([state], 0, 0, true))),
    ]);
    const { waiting = 0, prioritized = 0, delayed = 0, active = 0, failed = 0 } = counts;
    const times = oldest.flat().map(({ timestamp }) => timestamp);
    const ageMs = times.length === 0 ? null : this.clock.now().getTime() - Math.min(...times);
    return {
      name: queue.name,
      waiting: waiting + prioritized + delayed,
      delayed,
      active,
      failed,
      isPaused,
      pausedJobs,
      oldestSeconds: ageMs === null ? null : Math.max(0, Math.floor(ageMs / 1_000)),
    };
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
