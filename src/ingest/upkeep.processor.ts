/** Runs the clock's work as BullMQ schedules. Every job may run twice, late, or on two workers at once. */
import { InjectQueue, Processor, WorkerHost } from '@nestjs/bullmq';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Job, Queue } from 'bullmq';
import { UpkeepService } from '../credits/upkeep.service.js';
import { Logger } from '../infra/logger.js';
import { UPKEEP_QUEUE } from '../infra/queues.js';
import { UnpricedUsage } from '../usage/unpriced-usage.service.js';

const SCHEDULES = {
  'post-closed-hours': '30 1 * * * *',
  'expire-grants': '0 * * * * *',
  'charge-unpriced': '15 */5 * * * *',
} as const;

type UpkeepJob = keyof typeof SCHEDULES;

@Injectable()
@Processor(UPKEEP_QUEUE)
export class UpkeepProcessor extends WorkerHost implements OnApplicationBootstrap {
  private readonly work: Record<UpkeepJob, () => Promise<number>>;

  constructor(
    @InjectQueue(UPKEEP_QUEUE) private readonly queue: Queue,
    upkeep: UpkeepService,
    unpriced: UnpricedUsage,
    private readonly logger: Logger,
  ) {
    super();
    this.work = {
      'post-closed-hours': () => upkeep.postClosedHours(),
      'expire-grants': () => upkeep.expireGrants(),
      'charge-unpriced': () => unpriced.charge(),
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    for (const [name, pattern] of Object.entries(SCHEDULES)) {
      const options = { removeOnComplete: true, removeOnFail: 100 };
      await this.queue.upsertJobScheduler(name, { pattern, tz: 'UTC' }, { name, opts: options });
    }
  }

  async process(job: Job): Promise<void> {
    const changed = await this.work[job.name as UpkeepJob]();
    if (changed > 0) this.logger.info('upkeep', { job: job.name, changed });
  }
}
