/** Reconciliation as a job: many who ask at the same time share one. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { JobKinds, type JobRun } from '../jobs/job-kinds.js';
import type { JobOrder } from '../jobs/jobs.js';
import { Reconciliation } from './reconciliation.js';

export const RECONCILIATION_KIND = 'reconciliation';

/** It changes nothing, so nothing of it is in the audit log. One that runs already may have passed what the caller has just done. */
export function reconciliationOrder({ actor }: { actor: string }): JobOrder {
  return { kind: RECONCILIATION_KIND, input: {}, actor, joins: 'queued', audit: null };
}

@Injectable()
export class ReconciliationJob implements OnModuleInit {
  constructor(
    private readonly kinds: JobKinds,
    private readonly reconciliation: Reconciliation,
  ) {}

  onModuleInit(): void {
    const input = z.strictObject({});
    this.kinds.add({ name: RECONCILIATION_KIND, input, mayRunAgain: true, run: (run) => this.run(run) });
  }

  private async run({ signal, progress }: JobRun<unknown>): Promise<string> {
    const onProgress = (done: number): void => {
      signal.throwIfAborted();
      progress(done);
    };
    return JSON.stringify({ object: 'reconciliation', ...(await this.reconciliation.run({ onProgress })) });
  }
}
