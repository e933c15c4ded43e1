/** Re-rating as a job: a correction for each event, a page of them a transaction. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { entityName, time } from '../http/fields.js';
import { JobKinds, type JobRun } from '../jobs/job-kinds.js';
import type { JobOrder } from '../jobs/jobs.js';
import { presentRerating } from './corrections.presenter.js';
import { Rerating, type RerateOrder } from './rerating.js';

const KIND = 'rerating';

const Input = z.strictObject({
  model: z.string(),
  from: time,
  to: time,
  entity: entityName.nullable(),
  reason: z.string(),
});

export function reratingOrder({ actor, ...order }: RerateOrder): JobOrder {
  const { model, from, to, entity, reason } = order;
  const input = { model, from: from.toISOString(), to: to.toISOString(), entity, reason };
  return { kind: KIND, input, entity, actor, joins: 'running', audit: input };
}

@Injectable()
export class ReratingJob implements OnModuleInit {
  constructor(
    private readonly kinds: JobKinds,
    private readonly rerating: Rerating,
  ) {}

  onModuleInit(): void {
    this.kinds.add({ name: KIND, input: Input, mayRunAgain: true, run: (run) => this.run(run) });
  }

  private async run({ input, actor, signal, progress }: JobRun<z.output<typeof Input>>): Promise<string> {
    const onPage = (done: number): void => {
      signal.throwIfAborted();
      progress(done);
    };
    const report = await this.rerating.rerate({ ...input, actor }, { onPage });
    return JSON.stringify(presentRerating(report, { dryRun: false }));
  }
}
