/** Runs the scheduled work of all folders as BullMQ jobs, and keeps their schedules in Redis. */
import { InjectQueue, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Job, Queue } from 'bullmq';
import { assert } from '../domain/errors.js';
import { Logger } from '../platform/logger.js';
import { isLostConnection } from '../platform/redis-errors.js';
import { UPKEEP_QUEUE } from '../platform/queues.js';
import { SCHEDULES } from './schedules.js';

/** A Redis that lost its data lacks the schedules for at most this long. */
const SCHEDULES_CHECK_MS = 10_000;

@Injectable()
@Processor(UPKEEP_QUEUE)
export class UpkeepProcessor extends WorkerHost implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @InjectQueue(UPKEEP_QUEUE) private readonly queue: Queue,
    private readonly modules: ModuleRef,
    private readonly logger: Logger,
  ) {
    super();
    queue.on('error', (error) => this.failed(error));
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.schedule();
    this.checkLater();
  }

  onApplicationShutdown(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Adds the schedules that are missing. One that exists keeps the time of its next run. */
  private async schedule(): Promise<void> {
    for (const [name, { pattern }] of Object.entries(SCHEDULES)) {
      const known = await this.queue.getJobScheduler(name);
      if (known?.pattern === pattern) continue;
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

  /** Without a listener BullMQ prints the error itself. An outage of Redis is logged by its connection. */
  @OnWorkerEvent('error')
  failed(error: Error): void {
    if (!isLostConnection(error)) this.logger.error('the worker of the upkeep queue', error);
  }

  /** It is not retried: the next run does what this one did not. */
  @OnWorkerEvent('failed')
  missed(job: Job | undefined, error: Error): void {
    this.logger.error('upkeep failed', error, { job: job?.name });
  }

  async process(job: Job): Promise<void> {
    const schedule = SCHEDULES[job.name];
    assert(schedule !== undefined, `${job.name} is a schedule`);
    const changed = await schedule.run((service) => this.modules.get(service, { strict: false }));
    if (changed > 0) this.logger.info('upkeep', { job: job.name, changed });
  }
}
