/**
 * Loads of quota states from Postgres, in batches: whoever asks while a load runs shares the next one, so that a month that
 * turns or a Redis that was emptied costs a few statements and not one a request. A load that begins after the question sees
 * everything that was answered before it.
 */
import { formatSubject, type Subject } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-rules.js';
import type { Clock } from '../platform/clock.js';
import { isOutage } from '../platform/outage.js';
import type { Allowances } from '../credits/allowances.js';
import type { Database } from '../platform/database.js';
import { loadQuotaStates, type QuotaSubject } from './quota-state.sql.js';
import { DeadlineError, within } from '../platform/deadline.js';

const RUNNING_MAX = 2;
const BATCH_MAX = 500;
const LOAD_MS_MAX = 1_000;
/** After a failure nobody waits for Postgres for this long. */
const AWAY_MS = 1_000;

type Waiting = {
  readonly subject: Subject;
  at: Date;
  readonly promise: Promise<QuotaState | null>;
  readonly resolve: (state: QuotaState | null) => void;
  readonly reject: (error: unknown) => void;
};

export class StateLoads {
  private readonly waiting = new Map<string, Waiting>();
  private runningCount = 0;
  private failedAtMs = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly allowances: Allowances,
  ) {}

  /** The entity's state with at least the project that was asked for; null while Postgres is away. */
  load(subject: Subject, at: Date): Promise<QuotaState | null> {
    if (this.isAway()) return Promise.resolve(null);
    const key = formatSubject(subject);
    const known = this.waiting.get(key);
    if (known !== undefined) {
      if (at > known.at) known.at = at;
      return known.promise;
    }
    const waiting = waitingFor(subject, at);
    this.waiting.set(key, waiting);
    this.startNext();
    return waiting.promise;
  }

  /** A clock that was set back must not prolong it. */
  private isAway(): boolean {
    const sinceMs = this.clock.now().getTime() - this.failedAtMs;
    return sinceMs >= 0 && sinceMs < AWAY_MS;
  }

  private startNext(): void {
    if (this.runningCount === RUNNING_MAX || this.waiting.size === 0) return;
    const batch = [...this.waiting].slice(0, BATCH_MAX);
    for (const [key] of batch) this.waiting.delete(key);
    this.runningCount += 1;
    void this.run(batch.map(([, waiting]) => waiting)).finally(() => {
      this.runningCount -= 1;
      this.startNext();
    });
  }

  private async run(batch: readonly Waiting[]): Promise<void> {
    try {
      const subjects = batch.map(({ subject }) => subject);
      const at = new Date(Math.max(...batch.map((waiting) => waiting.at.getTime())));
      const states = await within(LOAD_MS_MAX, this.due({ subjects, at }));
      const byEntity = new Map(states.map((state) => [state.entity, state]));
      for (const { subject, resolve } of batch) resolve(byEntity.get(subject.entity) ?? null);
    } catch (error) {
      const away = error instanceof DeadlineError || isOutage(error);
      if (away) this.failedAtMs = this.clock.now().getTime();
      for (const { resolve, reject } of batch) {
        if (away) resolve(null);
        else reject(error);
      }
    }
  }

  /** The states as of `at`, after the plans' allowances that are due by then have been granted. */
  async due(args: { subjects: readonly QuotaSubject[]; at: Date }): Promise<QuotaState[]> {
    const entities = [...new Set(args.subjects.map(({ entity }) => entity))];
    await this.allowances.grantDue(this.database.reader, { entities, at: args.at });
    return loadQuotaStates(this.database.reader, args);
  }
}

function waitingFor(subject: Subject, at: Date): Waiting {
  let resolve: Waiting['resolve'] = () => {};
  let reject: Waiting['reject'] = () => {};
  const promise = new Promise<QuotaState | null>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  return { subject, at, promise, resolve, reject };
}
