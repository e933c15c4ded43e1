/** An erasure as a job: it looks at every day on which the entity has usage. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { insertAuditEntry } from '../access/audit-log.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { JobKinds, type JobRun } from '../jobs/job-kinds.js';
import type { JobOrder } from '../jobs/jobs.js';
import { Erasures } from './erasures.js';
import type { Person } from './person.js';

const KIND = 'erasure';

const Input = z.strictObject({
  entity: z.string(),
  person: z.union([
    z.strictObject({ userId: z.string() }),
    z.strictObject({ tag: z.strictObject({ name: z.string(), value: z.string() }) }),
  ]),
});
type Input = z.output<typeof Input>;

/** The audit log says by what, and never whom. The job's input says whom, until it has ended. */
export function erasureOrder({
  entity,
  person,
  actor,
}: {
  entity: string;
  person: Person;
  actor: string;
}): JobOrder {
  return {
    kind: KIND,
    input: { entity, person },
    entity,
    actor,
    joins: 'queued',
    audit: { by: nameOf(person) },
  };
}

function nameOf(person: Person): 'user_id' | 'tag' {
  return 'userId' in person ? 'user_id' : 'tag';
}

@Injectable()
export class ErasureJob implements OnModuleInit {
  constructor(
    private readonly kinds: JobKinds,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly erasures: Erasures,
  ) {}

  onModuleInit(): void {
    this.kinds.add({ name: KIND, input: Input, mayRunAgain: true, run: (run) => this.run(run) });
  }

  private async run({ input, actor, signal, progress, endIn }: JobRun<Input>): Promise<string> {
    const { entity, person } = input;
    const counts = await this.erasures.erase(input, { signal, progress });
    const named = {
      queued_events: counts.queuedEvents,
      events: counts.events,
      roll_ups: counts.rollUps,
      dead_letters: counts.deadLetters,
      conflicts: counts.conflicts,
    };
    const result = JSON.stringify({ object: 'erasure', entity, ...named });
    await this.database.transaction(async (tx) => {
      await insertAuditEntry(tx, {
        at: await this.clock.bookingTime(tx),
        actor,
        action: 'entities.erase',
        entity,
        target: null,
        before: null,
        after: { by: nameOf(person), ...named },
      });
      await endIn(tx, result);
    });
    return result;
  }
}
