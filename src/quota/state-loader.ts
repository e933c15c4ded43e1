/**
 * Loads quota states from Postgres in batches: all who ask during a load share the next one, so that the turn of a month or an
 * emptied Redis costs a few statements and not one for each request. Every load begins after the question that it answers, so it
 * sees everything that was committed before.
 */
import { formatSubject, type Subject } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-limits.js';
import type { Clock } from '../platform/clock.js';
import { isUnavailable } from '../platform/unavailable.js';
import type { Allowances } from '../credits/allowances.js';
import type { Database } from '../platform/database.js';
import { loadQuotaStates, type QuotaSubject } from './quota-state.sql.js';
import { DeadlineError, Deadlines } from '../platform/deadline.js';

const LOADS_MAX = 2;
const BATCH_MAX = 500;
const LOAD_MS_MAX = 1_000;
/** For this long after a failure nobody waits for Postgres. */
const UNAVAILABLE_MS = 1_000;

type Waiting = {
  readonly subject: Subject;
  at: Date;
  readonly promise: Promise<QuotaState | null>;
  readonly resolve: (state: QuotaState | null) => void;
  readonly reject: (error: unknown) => void;
};

export class StateLoader {
  private readonly deadlines = new Deadlines();
  private readonly waiting = new Map<string, Waiting>();
  private loadCount = 0;
  private failedAtMs = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly allowances: Allowances,
  ) {}

  /** The entity's state with at least the project that was asked for; null while Postgres is unavailable. */
  load(subject: Subject, at: Date): Promise<QuotaState | null> {
    if (this.isUnavailable()) return Promise.resolve(null);
    // The first to ask after a failure finds out whether Postgres answers again. Nobody else waits meanwhile.
    if (this.failedAtMs !== -Infinity) this.failedAtMs = this.clock.now().getTime();
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

  /** Whether nobody waits for Postgres now. A clock that is set back does not prolong it. */
  isUnavailable(): boolean {
    const sinceMs = this.clock.now().getTime() - this.failedAtMs;
    return sinceMs >= 0 && sinceMs < UNAVAILABLE_MS;
  }

  private startNext(): void {
    if (this.loadCount === LOADS_MAX || this.waiting.size === 0) return;
    const batch = [...this.waiting].slice(0, BATCH_MAX);
    for (const [key] of batch) this.waiting.delete(key);
    this.loadCount += 1;
    void this.run(batch.map(([, waiting]) => waiting)).finally(() => {
      this.loadCount -= 1;
      this.startNext();
    });
  }

  private async run(batch: readonly Waiting[]): Promise<void> {
    try {
      const subjects = batch.map(({ subject }) => subject);
      const at = new Date(Math.max(...batch.map((waiting) => waiting.at.getTime())));
      const states = await this.deadlines.within(LOAD_MS_MAX, this.loadDue({ subjects, at }));
      this.failedAtMs = -Infinity;
      const byEntity = new Map(states.map((state) => [state.entity, state]));
      for (const { subject, resolve } of batch) resolve(byEntity.get(subject.entity) ?? null);
    } catch (error) {
      const isOutage = error instanceof DeadlineError || isUnavailable(error);
      if (isOutage) this.failedAtMs = this.clock.now().getTime();
      for (const { resolve, reject } of batch) {
        if (isOutage) resolve(null);
        else reject(error);
      }
    }
  }

  /** The states as of `at`, after granting the plans' allowances that are due by then. */
  async loadDue(args: { subjects: readonly QuotaSubject[]; at: Date }): Promise<QuotaState[]> {
    const entities = [...new Set(args.subjects.map(({ entity }) => entity))];
    const { decisions } = this.database;
    await this.allowances.grantDueApart(decisions, { entities, at: args.at });
    return loadQuotaStates(decisions.reader, args);
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
