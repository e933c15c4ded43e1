/**
 * Replaying or discarding all dead letters of a filter as a job, a batch of them a transaction. A job that is run again goes on where the last
 * run ended: the batch whose events may have been sent is kept with the job, and is sent under a name that the queue takes once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { attribute } from '../access/caller-context.js';
import { expectationOf } from '../http/expectations.js';
import { JobKinds, type JobRun } from '../jobs/job-kinds.js';
import type { JobOrder } from '../jobs/jobs.js';
import { Database } from '../platform/database.js';
import { isUnavailable } from '../platform/unavailable.js';
import { achieved, endOf, foreseen, leftOf, resolveAll } from './bulk-resolution.js';
import type { DeadLetterFilter, Resolution } from './dead-letter.js';
import { presentBatch } from './dead-letters.presenter.js';
import type { DeadLetterBatch } from './dead-letters.schema.js';
import { DeadLetters } from './dead-letters.js';

const KIND = 'dead_letter_resolution';

/** How long a run waits for the queue's Redis before it asks again. */
const RETRY_MS = 1_000;

const STATUS = z.enum(['open', 'replayed', 'discarded']);
const instant = z.iso.datetime().transform((text) => new Date(text));
const textOrNull = z.string().nullable();

const Input = z.strictObject({
  status: z.enum(['replayed', 'discarded']),
  mending: z
    .strictObject({
      usageFormat: textOrNull,
      // A job that an older release queued has none.
      subject: textOrNull.default(null),
      time: textOrNull,
      model: textOrNull,
    })
    .nullable(),
  filter: z.strictObject({
    status: STATUS.nullable(),
    entity: textOrNull,
    project: textOrNull,
    code: textOrNull,
    reason: textOrNull,
    from: instant.nullable(),
    to: instant.nullable(),
  }),
  limit: z.int().nullable(),
});
type Input = z.output<typeof Input>;

const Chosen = z.object({
  entity: textOrNull,
  id: z.string(),
  seenCount: z.string().transform(BigInt),
  status: STATUS,
  lastSeenAt: instant,
});

type Chosen = z.output<typeof Chosen>;

const State = z.strictObject({
  to: instant,
  matching: z.int(),
  answered: z.int(),
  /** The last one that was resolved. */
  after: z.object({ id: z.string(), lastSeenAt: instant }).nullable(),
  batch: z.int(),
  /** Their events may have been sent. */
  sending: z.array(Chosen).nullable(),
});
type State = z.output<typeof State>;

export type BatchOrder = Resolution & { readonly filter: DeadLetterFilter; readonly limit: number | null };

export function resolutionOrder({ actor, status, mending, filter, limit }: BatchOrder): JobOrder {
  const from = filter.from?.toISOString() ?? null;
  const to = filter.to?.toISOString() ?? null;
  const input = {
    status,
    mending: mending === null ? null : { ...mending },
    filter: { ...filter, from, to },
    limit,
  };
  return { kind: KIND, input, entity: filter.entity, actor, joins: 'running', audit: input };
}

@Injectable()
export class DeadLettersJob implements OnModuleInit {
  constructor(
    private readonly kinds: JobKinds,
    private readonly database: Database,
    private readonly deadLetters: DeadLetters,
  ) {}

  onModuleInit(): void {
    this.kinds.add({ name: KIND, input: Input, mayRunAgain: true, run: (run) => this.run(run) });
  }

  async preview({ status, filter, limit }: BatchOrder): Promise<DeadLetterBatch> {
    return presentBatch({ status, ...foreseen(await this.begin(filter), { limit }) });
  }

  private async run(run: JobRun<Input>): Promise<string> {
    const { status, filter } = run.input;
    const first =
      run.state === null ? await this.begin(filter) : State.parse(run.state, { error: expectationOf });
    const last = await resolveAll<State, Chosen>(run, first, {
      choose: async (state) => state.sending ?? (await this.choose(run.input, state)),
      resolve: (state, sending) => this.resolve(run, { ...state, sending: [...sending] }),
    });
    return JSON.stringify(presentBatch({ status, ...achieved(last) }));
  }

  private async begin(filter: DeadLetterFilter): Promise<State> {
    const to = await endOf(filter, this.database);
    const matching = await this.deadLetters.count({ ...filter, to });
    return { to, matching, answered: 0, after: null, batch: 0, sending: null };
  }

  private choose(input: Input, state: State): Promise<Chosen[]> {
    const { to, after } = state;
    return this.deadLetters.choose({ filter: { ...input.filter, to }, after, limit: leftOf(state, input) });
  }

  private async resolve(run: JobRun<Input>, state: State & { sending: Chosen[] }): Promise<State> {
    const { status, mending } = run.input;
    const { sending } = state;
    if (status === 'replayed') await this.database.transaction((tx) => run.keep(tx, jsonOf(state)));
    const chosen = status === 'replayed' ? await this.send(run, state) : sending;
    return this.database.transaction(async (tx) => {
      if (run.caller !== null) attribute(tx, run.caller);
      const resolution = { status, mending, actor: run.actor };
      const answered = await this.deadLetters.mark(tx, chosen, resolution, { job: run.id });
      const { id, lastSeenAt } = sending.at(-1)!;
      const next: State = {
        ...state,
        answered: state.answered + answered,
        after: { id, lastSeenAt },
        batch: state.batch + 1,
        sending: null,
      };
      await run.keep(tx, jsonOf(next));
      return next;
    });
  }

  /**
   * Waits while the queue's Redis is down: the batch is saved with the job and is sent once Redis returns, without what was replayed or
   * discarded by then. Returns what was sent.
   */
  private async send(
    { id, input, signal }: JobRun<Input>,
    { batch, sending }: State & { sending: Chosen[] },
  ): Promise<Chosen[]> {
    for (;;) {
      try {
        return await this.deadLetters.send(sending, { mending: input.mending, once: `${id} ${batch}` });
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        await delay(RETRY_MS, undefined, { signal });
      }
    }
  }
}

function jsonOf({ sending, ...state }: State): object {
  const letters = sending?.map(({ seenCount, ...letter }) => ({ ...letter, seenCount: String(seenCount) }));
  return { ...state, sending: letters ?? null };
}
