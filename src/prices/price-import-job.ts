/** The import of a price map as a job. The map was read by the request; what it says travels in parts. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../access/changes.js';
import { JobKinds, type JobRun } from '../jobs/job-kinds.js';
import type { JobOrder } from '../jobs/jobs.js';
import { Database, type Restart, type Tx } from '../platform/database.js';
import { eventLoopTurns } from '../platform/event-loop-turn.js';
import { presentImport } from './price-import.presenter.js';
import { PriceImport, type ImportOptions } from './price-import.js';
import type { ModelReading } from './price-map/read-price-map.js';

const KIND = 'price_import';

const Input = z.strictObject({ allowLossy: z.boolean(), allowFree: z.boolean(), overwrite: z.boolean() });

/** It locks the book only at its end. */
const TRANSACTION_MS_MAX = 600_000;

/** Entries of one part. */
const PART_ENTRIES = 50;

export async function importOrder(
  readings: readonly ModelReading[],
  { options, actor }: { options: ImportOptions; actor: string },
): Promise<JobOrder> {
  const turn = eventLoopTurns();
  const parts: string[] = [];
  for (let from = 0; from < readings.length; from += PART_ENTRIES) {
    parts.push(JSON.stringify(readings.slice(from, from + PART_ENTRIES)));
    await turn();
  }
  const input = { ...options };
  return {
    kind: KIND,
    input,
    parts,
    actor,
    joins: 'running',
    audit: {
      allow_lossy: options.allowLossy,
      allow_free: options.allowFree,
      overwrite: options.overwrite,
      models: readings.length,
    },
  };
}

@Injectable()
export class PriceImportJob implements OnModuleInit {
  constructor(
    private readonly kinds: JobKinds,
    private readonly database: Database,
    private readonly imports: PriceImport,
    private readonly changes: Changes,
  ) {}

  onModuleInit(): void {
    this.kinds.add({ name: KIND, input: Input, mayRunAgain: true, run: (run) => this.run(run) });
  }

  /** The prices and the end of the job are one transaction. One that starts over compares the map with the book again. */
  private async run(run: JobRun<ImportOptions>): Promise<string> {
    const readings = await this.readingsOf(run);
    const prepare = async () => {
      run.signal.throwIfAborted();
      const plan = await this.imports.plan(readings, run.input);
      run.progress(0.5);
      return { plan, answer: await presentImport(plan.planned, false) };
    };
    let prepared: Awaited<ReturnType<typeof prepare>> | null = await prepare();
    const publish = async (tx: Tx): Promise<string | Restart> => {
      const { plan, answer } = prepared ?? (await prepare());
      prepared = null;
      const restart = await this.imports.publish(tx, plan, run.actor);
      if (restart === null) await run.endIn(tx, answer);
      return restart ?? answer;
    };
    const result = await this.database.transaction(publish, { timeoutMs: TRANSACTION_MS_MAX });
    await this.changes.announce([{ prices: true }]);
    return result;
  }

  private async readingsOf({ parts, progress }: JobRun<ImportOptions>): Promise<ModelReading[]> {
    const readings: ModelReading[] = [];
    const turn = eventLoopTurns();
    for await (const part of parts()) {
      readings.push(...(JSON.parse(part) as ModelReading[]));
      progress(0.1);
      await turn();
    }
    return readings;
  }
}
