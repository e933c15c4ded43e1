/**
 * Loads quota states from Postgres in batches: all who ask during a load share the next one, so that the turn of a month or an
 * emptied Redis costs a few statements and not one for each request. Every load begins after the question that it answers, so it
 * sees everything that was committed before.
 */
import { formatSubject, type Subject } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-limits.js';
import type { Clock } from '../platform/clock.js';
import type { Allowances } from '../credits/allowances.js';
import type { Database } from '../platform/database.js';
import { loadQuotaStates, type QuotaSubject } from './quota-state.sql.js';
import { Deadlines } from '../platform/deadline.js';
import { isOutage, RecentOutage } from '../platform/outage.js';

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
  private readonly outage: RecentOutage;

  constructor(
    private readonly database: Database,
    clock: Clock,
    private readonly allowances: Allowances,
  ) {
    this.outage = new RecentOutage(clock, UNAVAILABLE_MS);
  }

  /** The entity's state with at least the project that was asked for; null while Postgres is unavailable. */
  load(subject: Subject, at: Date): Promise<QuotaState | null> {
    if (this.isUnavailable()) return Promise.resolve(null);
    // The first to ask after a failure finds out whether Postgres answers again. Nobody else waits meanwhile.
    this.outage.prolong();
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

  /** Whether nobody waits for Postgres now. */
  isUnavailable(): boolean {
    return this.outage.isRecent();
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
      this.outage.end();
      const byEntity = new Map(states.map((state) => [state.entity, state]));
      for (const { subject, resolve } of batch) resolve(byEntity.get(subject.entity) ?? null);
    } catch (error) {
      if (isOutage(error)) this.outage.see();
      for (const { resolve, reject } of batch) {
        if (isOutage(error)) resolve(null);
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
