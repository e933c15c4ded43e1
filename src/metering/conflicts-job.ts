/** Counts or reviews all conflicts of a filter as a job, each in a transaction of its own. A job that runs again goes on where the last run ended. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { attribute } from '../access/caller-context.js';
import { Changes } from '../access/changes.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { expectationOf } from '../http/expectations.js';
import { JobKinds, type JobRun } from '../jobs/job-kinds.js';
import type { JobOrder } from '../jobs/jobs.js';
import { Database, Restart } from '../platform/database.js';
import { achieved, endOf, foreseen, leftOf, reportProgress, resolveAll } from './bulk-resolution.js';
import { presentConflictBatch } from './conflicts.presenter.js';
import type { ConflictBatch } from './conflicts.schema.js';
import { UsageConflicts } from './usage-conflicts.js';
import { chooseConflicts, countConflicts, type ConflictFilter } from './usage-conflicts.sql.js';

const KIND = 'conflict_resolution';

/** Conflicts read at a time. */
const CHOSEN_MAX = 100;

const instant = z.iso.datetime().transform((text) => new Date(text));
const textOrNull = z.string().nullable();

const Input = z.strictObject({
  status: z.enum(['counted', 'reviewed']),
  note: textOrNull,
  filter: z.strictObject({
    status: z.enum(['open', 'reviewed']),
    entity: textOrNull,
    project: textOrNull,
    from: instant.nullable(),
    to: instant.nullable(),
  }),
  limit: z.int().nullable(),
});
type Input = z.output<typeof Input>;

const Chosen = z.strictObject({
  entity: z.string().transform((name) => name as EntityName),
  project: z.string().transform((name) => name as ProjectName),
  identity: z.string(),
  fingerprint: z.string(),
  /** As Postgres writes it, to the microsecond. */
  lastSeenAt: z.string(),
});
type Chosen = z.output<typeof Chosen>;

const State = z.strictObject({
  to: instant,
  matching: z.int(),
  answered: z.int(),
  skipped: z.int(),
  /** The last one that was looked at. */
  after: Chosen.nullable(),
});
type State = z.output<typeof State>;

type Filter = ConflictFilter & { readonly status: 'open' | 'reviewed' };

export type ConflictBatchOrder = Pick<Input, 'status' | 'note' | 'limit'> & {
  readonly filter: Filter;
  readonly actor: string;
};

export function conflictOrder({ actor, filter, ...order }: ConflictBatchOrder): JobOrder {
  const times = { from: filter.from?.toISOString() ?? null, to: filter.to?.toISOString() ?? null };
  const input = { ...order, filter: { ...filter, ...times } };
  return { kind: KIND, input, entity: filter.entity, actor, joins: 'running', audit: input };
}

@Injectable()
export class ConflictsJob implements OnModuleInit {
  constructor(
    private readonly kinds: JobKinds,
    private readonly database: Database,
    private readonly conflicts: UsageConflicts,
    private readonly changes: Changes,
  ) {}

  onModuleInit(): void {
    this.kinds.add({ name: KIND, input: Input, mayRunAgain: true, run: (run) => this.run(run) });
  }

  async preview({ status, filter, limit }: ConflictBatchOrder): Promise<ConflictBatch> {
    return presentConflictBatch({ status, skipped: 0, ...foreseen(await this.begin(filter), { limit }) });
  }

  private async run(run: JobRun<Input>): Promise<string> {
    const { status, filter } = run.input;
    const first =
      run.state === null ? await this.begin(filter) : State.parse(run.state, { error: expectationOf });
    // An earlier run may have ended before it published what it counted last.
    if (first.after !== null) await this.changes.announce([first.after]);
    const last = await resolveAll<State, Chosen>(run, first, {
      choose: (state) => this.choose(run.input, state),
      resolve: (state, chosen) => this.resolveEach(run, state, chosen),
    });
    return JSON.stringify(presentConflictBatch({ status, skipped: last.skipped, ...achieved(last) }));
  }

  private async begin(filter: Filter): Promise<State> {
    const to = await endOf(filter, this.database);
    const matching = await countConflicts(this.database.reader, { ...filter, to });
    return { to, matching, answered: 0, skipped: 0, after: null };
  }

  private choose(input: Input, state: State): Promise<Chosen[]> {
    const { to, after } = state;
    const limit = Math.min(leftOf(state, input), CHOSEN_MAX);
    const page = { filter: { ...input.filter, to }, after, limit };
    return chooseConflicts(this.database.reader, page) as Promise<Chosen[]>;
  }

  private async resolveEach(run: JobRun<Input>, first: State, chosen: readonly Chosen[]): Promise<State> {
    let state = first;
    for (const conflict of chosen) {
      run.signal.throwIfAborted();
      state = await this.resolve(run, { ...state, after: conflict });
      reportProgress(run, state);
    }
    return state;
  }

  private async resolve(run: JobRun<Input>, state: State & { after: Chosen }): Promise<State> {
    const { after: conflict } = state;
    const done = { ...state, answered: state.answered + 1 };
    const skipped = { ...state, skipped: state.skipped + 1 };
    const next = await this.attempt(run, conflict, { done, skipped }).catch(async (error: unknown) => {
      // It cannot be counted: its month is gone, the conflict itself, or another event has its id.
      if (!(error instanceof TallyError) || !SKIPPED.has(error.code)) throw error;
      await this.database.transaction((tx) => run.keep(tx, skipped));
      return skipped;
    });
    if (next === done) await this.changes.announce([conflict]);
    return next;
  }

  /** Resolves one conflict and stores the job's progress in the same transaction. A conflict that somebody else resolved meanwhile stays as it is. */
  private attempt(
    run: JobRun<Input>,
    conflict: Chosen,
    then: { done: State; skipped: State },
  ): Promise<State> {
    const { status, note, filter } = run.input;
    const order = { key: conflict, scope: null, note, actor: run.actor, job: run.id };
    return this.database.transaction(async (tx) => {
      if (run.caller !== null) attribute(tx, run.caller);
      const isAsChosen = await this.conflicts.lock(tx, conflict, filter.status);
      const next = isAsChosen ? then.done : then.skipped;
      if (isAsChosen) {
        const made =
          status === 'counted'
            ? await this.conflicts.count(tx, order)
            : await this.conflicts.review(tx, order);
        if (made instanceof Restart) return made;
      }
      await run.keep(tx, next);
      return next;
    });
  }
}

const SKIPPED: ReadonlySet<string> = new Set(['invalid_request', 'not_found', 'conflict']);
