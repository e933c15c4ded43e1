/** Runs one lane's schedules as BullMQ jobs, beside each other, and keeps them in Redis. */
import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import type { OnApplicationBootstrap, OnModuleDestroy, Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type { Job, Queue } from 'bullmq';
import { assert } from '../domain/errors.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import { RoundError } from '../platform/one-by-one.js';
import type { Metrics } from '../platform/metrics.js';
import { WorkerErrors } from '../platform/worker-errors.js';
import { intervalSecondsOf, type Schedule } from './schedules.js';

/** A Redis that lost its data lacks the schedules for at most this long. */
const SCHEDULES_CHECK_MS = 10_000;
/** Every schedule comes at least once an hour. BullMQ reckons the next run by the clock of the worker that begins one: a later one was put off by a clock that was ahead. */
const NEXT_MS_MAX = 2 * 3_600_000;
/** What goes on failing in the same way is said again this often, not at each of its runs. */
const SAID_AGAIN_MS = 10 * 60_000;

type Failing = { readonly runCount: number; readonly message: string; readonly saidAtMs: number };

export abstract class UpkeepLane extends WorkerHost implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private readonly stopping = new AbortController();
  /** What runs now, by schedule. */
  private readonly running = new Map<string, { isAskedAgain: boolean }>();
  /** By schedule, since its last run without an error in this process. */
  private readonly failing = new Map<string, Failing>();
  private readonly errors: WorkerErrors;

  constructor(
    private readonly queue: Queue,
    private readonly schedules: Readonly<Record<string, Schedule>>,
    private readonly modules: ModuleRef,
    private readonly logger: Logger,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {
    super();
    this.errors = new WorkerErrors(logger, 'the worker of an upkeep queue');
    queue.on('error', (error) => this.failed(error));
  }

  /** As in SCHEDULES. */
  private get lane(): string {
    return this.queue.name.replace('upkeep-', '');
  }

  async onApplicationBootstrap(): Promise<void> {
    for (const [schedule, { pattern }] of Object.entries(this.schedules)) {
      const labels = { lane: this.lane, schedule };
      this.metrics.upkeepInterval.set(labels, intervalSecondsOf(pattern));
      // A worker that has just started has missed nothing yet.
      this.metrics.upkeepSuccess.set(labels, this.clock.now().getTime() / 1_000);
    }
    await this.schedule();
    this.checkLater();
  }

  /** A run ends after the entity that it is at. Its worker is closed later, and waits for it. */
  onModuleDestroy(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.stopping.abort();
  }

  /** Adds the schedules that are missing or put off. Any other keeps the time of its next run. */
  private async schedule(): Promise<void> {
    for (const [name, { pattern }] of Object.entries(this.schedules)) {
      const known = await this.queue.getJobScheduler(name);
      const isPutOff = (known?.next ?? 0) > this.clock.queueNowMs() + NEXT_MS_MAX;
      if (known?.pattern === pattern && !isPutOff) continue;
      const options = { removeOnComplete: true, removeOnFail: 100 };
      await this.queue.upsertJobScheduler(name, { pattern, tz: 'UTC' }, { name, opts: options });
    }
  }

  private checkLater(): void {
    this.timer = setTimeout(() => {
      void this.schedule()
        .catch((error: unknown) => this.logger.error('schedules not checked', error))
        .finally(() => this.timer && this.checkLater());
    }, SCHEDULES_CHECK_MS);
  }

  /** Without a listener BullMQ prints the error itself. */
  @OnWorkerEvent('error')
  failed(error: Error): void {
    this.errors.add(error, { queue: this.queue.name });
  }

  /** It is not retried: the next run does what this one did not. */
  @OnWorkerEvent('failed')
  missed(job: Job | undefined, error: Error): void {
    const name = job?.name ?? '';
    const nowMs = this.clock.now().getTime();
    const before = this.failing.get(name);
    const isSaid = before?.message === error.message && Math.abs(nowMs - before.saidAtMs) < SAID_AGAIN_MS;
    const runCount = (before?.runCount ?? 0) + 1;
    const saidAtMs = isSaid ? before.saidAtMs : nowMs;
    this.failing.set(name, { runCount, message: error.message, saidAtMs });
    if (!isSaid) this.logger.error('upkeep failed', error, { job: job?.name, failed_runs: runCount });
  }

  private succeeded(job: string): void {
    const failing = this.failing.get(job);
    if (failing === undefined) return;
    this.failing.delete(job);
    this.logger.info('upkeep runs again', { job, failed_runs: failing.runCount });
  }

  /**
   * A schedule never runs twice at the same time in a process, and a job that comes meanwhile takes no place in the lane: it is done at
   * once, and the schedule runs once more after the run in flight.
   */
  async process({ name }: Job): Promise<void> {
    const running = this.running.get(name);
    if (running !== undefined) {
      running.isAskedAgain = true;
      return;
    }
    const run = { isAskedAgain: false };
    this.running.set(name, run);
    let failure: unknown = null;
    try {
      do {
        run.isAskedAgain = false;
        await this.run(name).catch((error: unknown) => (failure ??= error));
      } while (run.isAskedAgain && !this.stopping.signal.aborted);
    } finally {
      this.running.delete(name);
    }
    if (failure !== null) throw failure;
  }

  private async run(job: string): Promise<void> {
    const labels = { lane: this.lane, schedule: job };
    const beganMs = performance.now();
    let outcome = 'failed';
    try {
      await this.runSchedule(job);
      outcome = 'done';
      this.metrics.upkeepSuccess.set(labels, this.clock.now().getTime() / 1_000);
      this.succeeded(job);
    } finally {
      this.metrics.upkeepSeconds.set(labels, (performance.now() - beganMs) / 1_000);
      this.metrics.upkeepRuns.inc({ ...labels, outcome });
    }
  }

  private async runSchedule(job: string): Promise<void> {
    const schedule = this.schedules[job];
    assert(schedule !== undefined, `${job} is a schedule of this lane`);
    try {
      const find = <T>(service: Type<T>): T => this.modules.get(service, { strict: false });
      const changed = await schedule.run(find, this.stopping.signal);
      if (changed > 0) this.logger.info('upkeep', { job, changed });
    } catch (error) {
      for (const each of error instanceof RoundError ? error.failures : [])
        this.logger.error('upkeep of an entity failed', each.error, { job, entity: each.entity });
      throw error;
    }
  }
}
