/** Charges usage that waited for a price as soon as a price is published. If that fails, the schedule charges it later. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Changes } from '../access/changes.js';
import { Jobs } from '../jobs/jobs.js';
import { Logger } from '../platform/logger.js';
import { CHARGING } from './charging-job.js';
import { UnpricedUsage } from './unpriced-usage.js';

@Injectable()
export class FirstPriceCharging implements OnModuleInit {
  constructor(
    private readonly changes: Changes,
    private readonly unpriced: UnpricedUsage,
    private readonly jobs: Jobs,
    private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.changes.onCommit(async (concerned) => {
      if (!concerned.some((each) => 'prices' in each)) return;
      await this.charge().catch((error: unknown) =>
        this.logger.error('usage without a price is not charged yet', error),
      );
    });
  }

  /** What can be charged within two seconds is charged when the caller gets the answer. */
  private async charge(): Promise<void> {
    if (!(await this.unpriced.isAnyWaiting())) return;
    const { id } = await this.jobs.startNow(CHARGING);
    await this.jobs.settled(id);
  }
}
