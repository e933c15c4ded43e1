/** Shows which usage waits, for what, and what to do about it. */
import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Clock } from '../platform/clock.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import type { Wait } from './delivery.js';
import { UsageLanes } from './usage-lanes.js';

/** A job that is due may be at another worker; after this long it no longer counts as one that waits for this one. */
const TAKEN_MS_MAX = 10_000;
const JOBS_MAX = 10_000;
/** One log line for each reason in this time. */
const LOG_MS = 60_000;

const LOG_LINES: Readonly<Record<Wait['kind'], string>> = {
  server: 'a batch could not be written; its jobs wait for another try',
  locked:
    'usage waits for another transaction that holds its entity: look for one that stays open in pg_stat_activity',
  fault: 'usage waits for a fault of ours: mend what the error names, and it is counted',
};

export type WaitingJob = {
  readonly key: string;
  readonly id: string | null;
  readonly events: number;
  readonly untilMs: number;
};

@Injectable()
export class WaitingUsage {
  private readonly jobs = new Map<string, { reason: string; events: number; untilMs: number }>();
  private readonly loggedAtMs = new Map<string, number>();

  constructor(
    private readonly lanes: UsageLanes,
    private readonly clock: Clock,
    private readonly logger: Logger,
    metrics: Metrics,
  ) {
    const totals = (): Map<string, number> => this.totals();
    metrics.registry.registerMetric(
      new Gauge({
        name: 'tally_usage_waiting',
        help: 'Usage events that this worker put back into the queue or holds, by what they wait for: `postgres`, `redis`, `locked` (another transaction holds the entity), or a fault of ours: `bug`, `sql_…` with the SQLSTATE.',
        labelNames: ['reason'],
        registers: [],
        collect() {
          this.reset();
          for (const [reason, events] of totals()) this.set({ reason }, events);
        },
      }),
    );
  }

  putBack(job: WaitingJob, { kind, reason, error }: Wait): void {
    if (this.jobs.size >= JOBS_MAX) this.jobs.delete(this.jobs.keys().next().value!);
    this.jobs.set(job.key, { reason, events: job.events, untilMs: job.untilMs });
    const nowMs = performance.now();
    if (nowMs - (this.loggedAtMs.get(reason) ?? Number.NEGATIVE_INFINITY) < LOG_MS) return;
    this.loggedAtMs.set(reason, nowMs);
    this.logger.error(LOG_LINES[kind], error ?? reason, { reason, job_id: job.id });
  }

  taken(key: string): void {
    this.jobs.delete(key);
  }

  private totals(): Map<string, number> {
    const nowMs = this.clock.queueNowMs();
    const totals = new Map([['locked', this.lanes.lockedCount]]);
    for (const [key, { reason, events, untilMs }] of this.jobs) {
      if (untilMs + TAKEN_MS_MAX < nowMs) this.jobs.delete(key);
      else totals.set(reason, (totals.get(reason) ?? 0) + events);
    }
    return totals;
  }
}
