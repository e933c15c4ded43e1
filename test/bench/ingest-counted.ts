/**
 * How long after an event is accepted decisions know of it, while the worker counts at half of what it can. Accepted is when Redis has the
 * job. From then on the state of its customer in Redis is read again and again until its version is later.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { USAGE_QUEUE } from '@tally/client/protocol';
import type { EntityName } from '../../src/domain/ids.js';
import { RedisKeys } from '../../src/quota/redis-keys.js';
import { WARM_SHARE } from './ingest-drain.js';
import { tallyWorker, type BenchServers } from './ingest-servers.js';
import { FULL, jobOf, oneOf, usageOf } from './ingest-usage.js';
import { stop } from './quota-servers.js';
import { printTable } from './table.js';
import type { Target } from './targets.js';

const CUSTOMER = 'bench-counted' as EntityName;
const EVENTS_PER_JOB = 100;
const TURN_MS = 5;
const PAUSE_MS_MAX = 20;
const POLL_MS = 1;
/** Where the worker cannot keep up with the load after all, there are fewer samples. */
const SECONDS_MAX = 40;

export async function benchCounted(
  servers: BenchServers,
  { perSecond, samples }: { perSecond: number; samples: number },
): Promise<Target> {
  const queue = new Queue(USAGE_QUEUE, { connection: servers.redis });
  const reads = servers.redis.duplicate();
  const worker = await tallyWorker(servers);
  const load = new SteadyUsage(queue, perSecond / 2);
  try {
    await counted(queue, reads);
    load.start();
    const millis: number[] = [];
    const endMs = performance.now() + SECONDS_MAX * 1_000;
    for (let sample = 0; sample < samples && performance.now() < endMs; sample += 1) {
      await delay(Math.random() * PAUSE_MS_MAX);
      millis.push(await counted(queue, reads));
    }
    const added = await load.stop();
    const sorted = millis.slice(Math.floor(millis.length * WARM_SHARE)).toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!;
    const row = {
      'other events/s': Math.round(added),
      samples: sorted.length,
      'p50, ms': at(0.5),
      'p99, ms': at(0.99),
      'longest, ms': at(1),
    };
    printTable('From an accepted event to the state that decisions go by, at half load', [row]);
    while ((await queue.getJobCountByTypes('wait', 'prioritized', 'active', 'delayed')) > 0)
      await delay(TURN_MS);
    return { of: 'accepted → counted for decisions, p99, ms', measured: at(0.99), most: 60 };
  } finally {
    await load.stop();
    await stop(worker);
    await queue.close();
    reads.disconnect();
  }
}

async function counted(queue: Queue, reads: BenchServers['redis']): Promise<number> {
  const version = () => reads.hget(new RedisKeys().state(CUSTOMER), 'version').then(Number);
  const before = await version();
  const { name, data, opts } = jobOf([oneOf(CUSTOMER)]);
  await queue.add(name, data, opts);
  const acceptedMs = performance.now();
  while ((await version()) <= before) await delay(POLL_MS);
  return performance.now() - acceptedMs;
}

/** So many events a second, in jobs of a hundred, whatever becomes of them. */
class SteadyUsage {
  private timer: NodeJS.Timeout | undefined;
  private startedMs = 0;
  private jobs = 0;
  private readonly adding: Promise<unknown>[] = [];

  constructor(
    private readonly queue: Queue,
    private readonly perSecond: number,
  ) {}

  start(): void {
    this.startedMs = performance.now();
    this.timer = setInterval(() => this.addDue(), TURN_MS);
  }

  /** Returns how many events a second there were. */
  async stop(): Promise<number> {
    clearInterval(this.timer);
    const perSecond = (this.jobs * EVENTS_PER_JOB) / ((performance.now() - this.startedMs) / 1_000);
    await Promise.all(this.adding.splice(0));
    return perSecond;
  }

  private addDue(): void {
    const seconds = (performance.now() - this.startedMs) / 1_000;
    const due = Math.floor((seconds * this.perSecond) / EVENTS_PER_JOB) - this.jobs;
    if (due <= 0) return;
    const bodies = Array.from({ length: due }, () => jobOf(usageOf(FULL, { events: EVENTS_PER_JOB })));
    this.jobs += due;
    this.adding.push(this.queue.addBulk(bodies));
  }
}
