/** Repair as a job: of one entity, or of one after the other. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../access/changes.js';
import { readEntitiesOf, readEntityRanges } from '../accounts/entity-ranges.js';
import type { EntityName } from '../domain/ids.js';
import { entityName } from '../http/fields.js';
import { JobKinds, type JobRun } from '../jobs/job-kinds.js';
import type { JobOrder } from '../jobs/jobs.js';
import { Database } from '../platform/database.js';
import type * as schemas from './books.schema.js';
import { LISTED_MAX, Repair, type RepairReport } from './repair.js';

const KIND = 'repair';

/** Of a range, whose names are read at once. */
const ENTITIES_MAX = 1_000;

const Input = z.strictObject({ entity: entityName.nullable(), dryRun: z.boolean() });
type Input = z.output<typeof Input>;

export function repairOrder({ actor, ...input }: Input & { actor: string }): JobOrder {
  const audit = input.dryRun ? null : { entity: input.entity };
  return { kind: KIND, input, entity: input.entity, actor, joins: 'queued', audit };
}

@Injectable()
export class RepairJob implements OnModuleInit {
  constructor(
    private readonly kinds: JobKinds,
    private readonly database: Database,
    private readonly repairs: Repair,
    private readonly changes: Changes,
  ) {}

  onModuleInit(): void {
    this.kinds.add({ name: KIND, input: Input, mayRunAgain: true, run: (run) => this.run(run) });
  }

  private async run(run: JobRun<Input>): Promise<string> {
    const { entity, dryRun } = run.input;
    if (entity === null) return answerTo(await this.all(run), run.input);
    const report = dryRun ? await this.repairs.preview(entity) : await this.repair(run, entity);
    return answerTo(report, run.input);
  }

  /** The repair and the end of the job are one transaction, so that the answer is of the run that repaired. */
  private async repair({ input, actor, endIn }: JobRun<Input>, entity: EntityName): Promise<RepairReport> {
    const report = await this.database.transaction(async (tx) => {
      const repaired = await this.repairs.repair(tx, { entity, actor });
      if (input.entity !== null) await endIn(tx, answerTo(repaired, input));
      return repaired;
    });
    await this.changes.announce([{ entity, project: null }]);
    return report;
  }

  private async all(run: JobRun<Input>): Promise<Sum> {
    let sum: Sum = { entity: null, changed: 0, changes: [] };
    const ranges = await readEntityRanges(this.database.reader, { entitiesMax: ENTITIES_MAX });
    for (const [place, range] of ranges.entries()) {
      for (const name of await readEntitiesOf(this.database.reader, range)) {
        run.signal.throwIfAborted();
        const entity = name as EntityName;
        const { changed, changes } = run.input.dryRun
          ? await this.repairs.preview(entity)
          : await this.repair(run, entity);
        sum = {
          ...sum,
          changed: sum.changed + changed,
          changes: [...sum.changes, ...changes].slice(0, LISTED_MAX),
        };
      }
      run.progress((place + 1) / ranges.length);
    }
    return sum;
  }
}

/** Of one entity, or of all. */
type Sum = Omit<RepairReport, 'entity'> & { readonly entity: string | null };

function answerTo(sum: Sum, { dryRun }: Input): string {
  return JSON.stringify(presentRepair(sum, { dryRun }));
}

export function presentRepair(
  { entity, changed, changes }: Sum,
  { dryRun }: { dryRun: boolean },
): schemas.Repair {
  return { object: 'repair', entity, dry_run: dryRun, changed, changes: [...changes] };
}
