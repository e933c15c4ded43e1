/** The names of the upkeep queues, and the producer's side of the usage queues. */
import {
  queuePrefixOf,
  slotOf,
  USAGE_JOB,
  USAGE_JOB_OPTIONS,
  USAGE_QUEUE,
  usageQueueOf,
  usageQueues,
} from '@tally/client/protocol';
import { Queue, type Job } from 'bullmq';
import type { Clock } from './clock.js';
import { assert } from '../domain/errors.js';
import { askRedis } from './redis-errors.js';
import type { RedisNodes } from './redis-nodes.js';
import type { Replicas } from './replicas.js';
import { Unavailable } from './unavailable.js';

/** One for each lane. */
export const UPKEEP_QUEUES = {
  money: 'upkeep-money',
  slow: 'upkeep-slow',
  months: 'upkeep-months',
  outbound: 'upkeep-outbound',
} as const;

const KEPT_STATES = ['waiting', 'delayed', 'prioritized', 'failed', 'completed'] as const;
const KEPT_JOBS_PAGE = 100;

/** BullMQ's event stream is for people who watch; it must not eat the memory that jobs need. */
const STREAM_EVENTS_MAX = 1_000;

/** How long the queue knows what was added once. */
const ONCE_MS = 7 * 24 * 3_600_000;

const WAITING = ['waiting', 'prioritized', 'delayed'] as const;

/** One of the usage queues. */
export type UsageQueueLook = {
  readonly name: string;
  /** Jobs that no worker has taken; of these `delayed` wait for another try. */
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
  readonly failed: number;
  readonly isPaused: boolean;
  /** Since the oldest job that waits was added. */
  readonly oldestSeconds: number | null;
};

/** All of them together. */
export type UsageQueueState = Omit<UsageQueueLook, 'name'>;

/** A queue is paused where one of them is, and as old as the oldest. */
export function togetherOf(looks: readonly UsageQueueLook[]): UsageQueueState {
  const sum = (of: (look: UsageQueueLook) => number): number =>
    looks.reduce((total, look) => total + of(look), 0);
  const ages = looks.flatMap(({ oldestSeconds }) => oldestSeconds ?? []);
  return {
    waiting: sum(({ waiting }) => waiting),
    delayed: sum(({ delayed }) => delayed),
    active: sum(({ active }) => active),
    failed: sum(({ failed }) => failed),
    isPaused: looks.some(({ isPaused }) => isPaused),
    oldestSeconds: ages.length === 0 ? null : Math.max(...ages),
  };
}

export class UsageQueue {
  private readonly queues = new Map<RedisNodes, Map<string, Queue>>();

  /** Usage is spread over `shards` queues, by entity. `replicas` is null where what is added need not be on any. */
  constructor(
    private readonly redis: RedisNodes,
    private readonly clock: Clock,
    private readonly shards = 1,
    private readonly replicas: Replicas | null = null,
  ) {}

  /** BullMQ's prefix of a queue. */
  prefixOf(name: string): string {
    return queuePrefixOf(name, this.redis.names);
  }

  /** Null for usage of nobody that can be told. */
  nameFor(entity: string | null): string {
    return entity === null ? USAGE_QUEUE : usageQueueOf(entity, this.shards);
  }

  /**
   * Resolves to the job's key when Redis and the required number of replicas have the events, as one job. Under the same `once` they are added
   * once within a week, even if the first job is done and gone. Throws Unavailable, although Redis may then have them.
   */
  async add(
    events: readonly unknown[],
    name: string = USAGE_QUEUE,
    { once = null }: { once?: string | null } = {},
  ): Promise<string> {
    // A queue of BullMQ that is made without a connection waits for one, however long that takes.
    const redis = this.replicas?.redis ?? this.redis;
    requireConnection(redis);
    const queue = this.queueNamed(name, redis);
    // By the clock that the worker goes by: what was too old here is too old there, and what was not is not.
    const timestamp = this.clock.now().getTime();
    const deduplication = once === null ? undefined : { id: once, ttl: ONCE_MS };
    const options = { timestamp, ...(deduplication && { deduplication }) };
    const add = () => queue.add(USAGE_JOB, events, options);
    const { id } = await (this.replicas?.confirm(slotOf(queue.toKey('')), add) ?? askRedis(add()));
    assert(id !== undefined, 'a job that was added has an id');
    return queue.toKey(id);
  }

  /** Of these jobs, those that Redis still has: a job is deleted once all its events are counted or dead letters. Throws Unavailable. */
  async existing(jobs: readonly string[]): Promise<readonly string[]> {
    const parts = this.redis.isCluster ? bySlot(jobs) : [jobs];
    return (await Promise.all(parts.map((part) => this.existingOf(part)))).flat();
  }

  private async existingOf(jobs: readonly string[]): Promise<readonly string[]> {
    const { client } = this.redis;
    const count = await askRedis(client.exists(...jobs));
    if (count === 0) return [];
    if (count === jobs.length) return jobs;
    const each = await askRedis(Promise.all(jobs.map((job) => client.exists(job))));
    return jobs.filter((_, index) => each[index] === 1);
  }

  /**
   * The jobs that no worker has taken yet, and those that failed and are kept, newest first: what is taken meanwhile leaves at the other end. A
   * job that is added meanwhile may be missed.
   */
  async *keptJobs(): AsyncGenerator<Job> {
    for (const name of usageQueues(this.shards)) {
      const queue = this.queueNamed(name);
      for (let from = 0; ; from += KEPT_JOBS_PAGE) {
        const jobs = await askRedis(queue.getJobs([...KEPT_STATES], from, from + KEPT_JOBS_PAGE - 1, false));
        if (jobs.length === 0) break;
        yield* jobs;
      }
    }
  }

  /**
   * What waits, and for how long: the one place that says how old a queue is. Jobs are stamped by their producers, Tally's own by
   * Postgres' time, and by that it is compared. Throws Unavailable.
   */
  looks(): Promise<UsageQueueLook[]> {
    return askRedis(Promise.all(this.all().map((queue) => this.lookAt(queue))));
  }

  private async lookAt(queue: Queue): Promise<UsageQueueLook> {
    const [counts, isPaused, oldest] = await Promise.all([
      queue.getJobCounts(...WAITING, 'active', 'failed'),
      queue.isPaused(),
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
      oldestSeconds: ageMs === null ? null : Math.max(0, Math.floor(ageMs / 1_000)),
    };
  }

  /** One for each shard, and the one that is always taken. Throws Unavailable. */
  all(): readonly Queue[] {
    requireConnection(this.redis);
    return usageQueues(this.shards).map((name) => this.queueNamed(name));
  }

  /** Stops workers from taking usage, or lets them go on; jobs that wait stay where they are. Throws Unavailable. */
  async setPaused(paused: boolean): Promise<void> {
    await askRedis(Promise.all(this.all().map((queue) => (paused ? queue.pause() : queue.resume()))));
  }

  /** With those of upkeep, for people who watch. Throws Unavailable. */
  withUpkeep(): readonly Queue[] {
    return [...this.all(), ...Object.values(UPKEEP_QUEUES).map((name) => this.queueNamed(name))];
  }

  /** The keys of the jobs that workers are at. */
  async activeJobs(): Promise<string[]> {
    const lists = usageQueues(this.shards).map(async (name) => {
      const queue = this.queueNamed(name);
      const jobs = await askRedis(queue.getJobs(['active'], 0, -1));
      return jobs.flatMap(({ id }) => (id === undefined ? [] : [queue.toKey(id)]));
    });
    return (await Promise.all(lists)).flat();
  }

  async close(): Promise<void> {
    const queues = [...this.queues.values()].flatMap((byName) => [...byName.values()]);
    await Promise.all(queues.map((queue) => queue.close()));
  }

  private queueNamed(name: string, redis = this.redis): Queue {
    const queues = this.queues.get(redis) ?? new Map<string, Queue>();
    this.queues.set(redis, queues);
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, {
        connection: redis.client,
        prefix: this.prefixOf(name),
        defaultJobOptions: USAGE_JOB_OPTIONS,
        streams: { events: { maxLen: STREAM_EVENTS_MAX } },
      });
      // Every command's own failure reaches its caller; this one would only end the process.
      queue.on('error', () => {});
      // It would fail for ever.
      queue.waitUntilReady().catch(() => queues.delete(name));
      queues.set(name, queue);
    }
    return queue;
  }
}

function requireConnection({ client }: RedisNodes): void {
  if (client.status !== 'ready') throw new Unavailable('redis', new Error('no connection'));
}

/** A command takes keys of one slot only. */
function bySlot(keys: readonly string[]): string[][] {
  const parts = new Map<number, string[]>();
  for (const key of keys) {
    const slot = slotOf(key);
    parts.set(slot, [...(parts.get(slot) ?? []), key]);
  }
  return [...parts.values()];
}
