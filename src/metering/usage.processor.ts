/** Takes the jobs of the usage queue: their events are validated and counted in shared batches, and a job completes after their commit. */
import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import {
  Inject,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Queue, Worker, type Job } from 'bullmq';
import { isPrintable, USAGE_EVENTS_MAX, USAGE_QUEUE, usageQueues } from '@tally/client/protocol';
import { Clock } from '../platform/clock.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { UsageQueue } from '../platform/queues.js';
import { WorkerErrors } from '../platform/worker-errors.js';
import { BatchWriter } from './batch-writer.js';
import type { NewDeadLetter } from './dead-letter.js';
import { DeadLetters } from './dead-letters.js';
import { Ticket, type Wait } from './delivery.js';
import { Intake } from './intake.js';
import { bodiesOf, estimatedBytes, partsOf, readJob } from './job-reading.js';
import { retryDelayMs, retryLater } from './job-retry.js';
import { Overtaking } from './overtaking.js';
import { handOutLate } from './late-retries.js';
import { moveStranded } from './paused-lists.js';
import { Shares } from './shares.js';
import { REFUSED_IN_A_TURN_MAX, TurnBudget } from './turn-budget.js';
import { UsageLanes } from './usage-lanes.js';
import { WaitingUsage } from './waiting-usage.js';

const LOCK_MS = 60_000;
/** A stalled job may run again any number of times: its events' identities keep them from counting twice. */
const STALLED_MAX = 1_000_000;

/** No usage job fails by itself: what cannot be counted becomes a dead letter or waits. */
const FAILED_JOBS_MAX = 10_000;

/** Between two looks for jobs that no worker would take: another version of BullMQ paused them, or one put them back by a clock that is ahead. */
const STRANDED_MS = 2_000;
/** Between two looks for what may overtake a flood. */
const OVERTAKING_MS = 100;

/** How many queues usage is spread over. */
export const QUEUE_SHARDS = Symbol('QUEUE_SHARDS');

@Processor(USAGE_QUEUE, { lockDuration: LOCK_MS, maxStalledCount: STALLED_MAX })
export class UsageProcessor
  extends WorkerHost
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly intake: Intake;
  /** Of the queues beside `usage-events`. */
  private readonly shardWorkers: Worker[] = [];
  private readonly shares = new Shares();
  private readonly queues: { readonly queue: Queue; readonly overtaking: Overtaking }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private lookedMs = Number.NEGATIVE_INFINITY;
  /** 16,000 events in one turn cost half as much again for each. */
  private readonly turns = new TurnBudget(USAGE_EVENTS_MAX);
  private readonly refused = new TurnBudget(REFUSED_IN_A_TURN_MAX);
  private readonly errors: WorkerErrors;

  constructor(
    private readonly lanes: UsageLanes,
    private readonly writer: BatchWriter,
    private readonly deadLetters: DeadLetters,
    private readonly waiting: WaitingUsage,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
    private readonly usageQueue: UsageQueue,
    @Inject(QUEUE_SHARDS) private readonly shards: number,
  ) {
    super();
    this.errors = new WorkerErrors(logger, 'the worker of the usage queue');
    this.intake = new Intake(usageQueues(shards));
  }

  onApplicationBootstrap(): void {
    const { opts } = this.worker;
    for (const name of usageQueues(this.shards).filter((each) => each !== USAGE_QUEUE)) {
      const prefix = this.usageQueue.prefixOf(name);
      const worker = new Worker(name, (job, token) => this.process(job, token), { ...opts, prefix });
      worker.on('active', (job) => this.take(job));
      worker.on('failed', (job) => this.release(job));
      worker.on('error', (error) => this.failed(error));
      this.shardWorkers.push(worker);
    }
    for (const name of usageQueues(this.shards)) {
      const queue = new Queue(name, {
        connection: opts.connection,
        prefix: this.usageQueue.prefixOf(name),
      });
      queue.on('error', (error) => this.failed(error));
      this.queues.push({ queue, overtaking: new Overtaking(queue) });
    }
    this.overtakeLater();
  }

  /** A worker closes when its jobs have ended, and none ends that waits for a locked entity. */
  beforeApplicationShutdown(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.lanes.close();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(
      [...this.shardWorkers, ...this.queues.map(({ queue }) => queue)].map((each) => each.close()),
    );
  }

  private overtakeLater(): void {
    this.timer = setTimeout(() => {
      void this.overtake()
        .catch((error: unknown) => this.failed(error as Error))
        .finally(() => this.timer && this.overtakeLater());
    }, OVERTAKING_MS);
  }

  private async takeStranded(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.lookedMs < STRANDED_MS) return;
    this.lookedMs = nowMs;
    for (const { queue } of this.queues) {
      const jobs = await moveStranded(queue);
      if (jobs > 0)
        this.logger.warn('jobs that another version of BullMQ had paused are taken again', {
          queue: queue.name,
          jobs,
        });
      const late = await handOutLate(queue, Math.max(this.clock.now().getTime(), this.clock.queueNowMs()));
      if (late > 0)
        this.logger.warn('jobs that a worker has put back by a clock that is ahead are taken again', {
          queue: queue.name,
          jobs: late,
        });
    }
  }

  private async overtake(): Promise<void> {
    await this.takeStranded();
    const flooding = this.shares.flooding();
    if (flooding.size > 0) for (const { overtaking } of this.queues) await overtaking.round(flooding);
  }

  async process(job: Job, token?: string): Promise<void> {
    this.waiting.taken(keyOf(job));
    const wait = await this.count(job).finally(() => this.release(job));
    if (wait === null) return;
    const atMs = this.clock.queueNowMs() + retryDelayMs(wait.kind, job.attemptsStarted);
    const events = bodiesOf(job).length;
    this.waiting.putBack({ key: keyOf(job), id: job.id ?? null, events, untilMs: atMs }, wait);
    await retryLater(job, { atMs, token });
  }

  /** As soon as it is fetched: BullMQ fetches up to `concurrency` jobs before it starts the first, and fails some without starting them. */
  @OnWorkerEvent('active')
  take(job: Job): void {
    // Whatever the producer says: all that a job says is in Postgres once it completes, and one that fails against all expectation is
    // kept for a person to look at, as long as there are not too many.
    job.opts.removeOnComplete = true;
    job.opts.removeOnFail = { count: FAILED_JOBS_MAX };
    const bodies = bodiesOf(job);
    const size = { events: bodies.length, bytes: estimatedBytes(bodies) };
    this.intake.take(job.queueName, job.id ?? '', size);
    this.adaptConcurrency(job.queueName);
  }

  /** It may fail without having been started. */
  @OnWorkerEvent('failed')
  release(job: Job | undefined): void {
    if (job === undefined) return;
    this.intake.release(job.queueName, job.id ?? '');
    this.adaptConcurrency(job.queueName);
  }

  /** Without a listener BullMQ prints the error itself. */
  @OnWorkerEvent('error')
  failed(error: Error): void {
    this.errors.add(error);
  }

  private adaptConcurrency(queue: string): void {
    const worker = [this.worker, ...this.shardWorkers].find(({ name }) => name === queue);
    if (worker !== undefined) worker.concurrency = this.intake.jobsMax(queue);
  }

  /** Null when every event of the job is counted or a dead letter, and that is committed. */
  private async count(job: Job): Promise<Wait | null> {
    await this.turns.admit(bodiesOf(job).length);
    // Any text names a job, but not every text can be stored.
    const jobId = job.id !== undefined && isPrintable(job.id) ? job.id : null;
    const received = { id: jobId, name: job.name, data: job.data, addedAtMs: job.timestamp };
    const reading = await readJob(received, this.clock.now(), this.refused);
    const entities = reading.events.map(({ event }) => event.entity);
    const ticket = new Ticket(entities.length);
    this.shares.add(entities);
    this.lanes.add(reading.events.map(({ event, body }) => ({ event, body, jobId, ticket })));
    const unread = reading.failure === null ? null : await this.waitFor(reading.failure);
    const unkept = await this.keep(reading.deadLetters);
    const uncounted = await ticket.settled;
    this.shares.remove(entities);
    return uncounted ?? unread ?? unkept;
  }

  private async waitFor(error: unknown): Promise<Wait> {
    const verdict = await this.writer.judge(error);
    return verdict === 'content' ? { kind: 'fault', reason: 'dead_letter', error } : verdict;
  }

  private async keep(deadLetters: readonly NewDeadLetter[]): Promise<Wait | null> {
    try {
      for (const part of partsOf(deadLetters)) await this.deadLetters.keep(part);
      this.metrics.usageEvents.inc({ outcome: 'dead_letter' }, deadLetters.length);
      return null;
    } catch (error) {
      return this.waitFor(error);
    }
  }
}

function keyOf(job: Job): string {
  return `${job.queueName}:${job.id ?? ''}`;
}
