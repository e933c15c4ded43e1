/** Charging what waited for a price as a job: customers take turns, and nobody who publishes a price waits for millions of events. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { TallyError } from '../domain/errors.js';
import { JobKinds } from '../jobs/job-kinds.js';
import type { JobOrder } from '../jobs/jobs.js';
import { RoundError } from '../platform/one-by-one.js';
import { UnpricedUsage } from './unpriced-usage.js';

const KIND = 'unpriced_charging';

/** A job that runs already may have passed the usage of the price that was published last. */
export const CHARGING: JobOrder = { kind: KIND, input: {}, actor: 'system', joins: 'queued', audit: null };

@Injectable()
export class ChargingJob implements OnModuleInit {
  constructor(
    private readonly kinds: JobKinds,
    private readonly unpriced: UnpricedUsage,
  ) {}

  onModuleInit(): void {
    const input = z.strictObject({});
    this.kinds.add({ name: KIND, input, mayRunAgain: true, run: ({ signal }) => this.run(signal) });
  }

  private async run(signal: AbortSignal): Promise<string> {
    const charged = await this.unpriced.charge(signal).catch((error: unknown) => {
      if (!(error instanceof RoundError)) throw error;
      const names = error.failures.map(({ entity }) => entity).join(', ');
      throw new TallyError(
        'conflict',
        `not all could be charged now (${names}); upkeep tries again every five minutes`,
      );
    });
    signal.throwIfAborted();
    return JSON.stringify({ object: 'unpriced_charging', charged_events: charged });
  }
}
