/**
 * Bounds what each customer has reported here and nobody has counted yet: one that floods would delay everybody's usage and fill Redis. The
 * keys bound to one entity count together; a key that serves all entities counts by itself. What waits is asked of the queue, whose jobs are
 * deleted when they are done. So there is no counter that a crash or a lost job could leave wrong, and nothing to keep in Redis. Each process
 * bounds what it took; one that restarts begins at zero.
 */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { UsageQueue } from '../platform/queues.js';

/** Events of one holder. A large event counts as several, one for each KiB: about 20 MiB of one holder wait at most. */
export const BACKLOG_MAX = 20_000;
const BYTES_PER_UNIT = 1024;

/** Jobs asked for in one command. */
const LOOK_COUNT_MAX = 256;
/** More jobs than this are remembered only after a look at which of them still wait. */
const JOBS_REMEMBERED = 1_000;
/** A look is believed for so long by those that would pass the bound. */
const LOOK_MS = 100;

export function unitsOf({ count, bytes }: { count: number; bytes: number }): number {
  return Math.max(count, Math.ceil(bytes / BYTES_PER_UNIT));
}

@Injectable()
export class KeyBacklog {
  private readonly unitsByHolder = new Map<string, number>();
  /** What each job has of each holder, oldest first. */
  private readonly jobs = new Map<string, Map<string, number>>();
  private looking: Promise<void> | null = null;
  private nextLookAt = JOBS_REMEMBERED;

  constructor(private readonly queue: UsageQueue) {}

  /** Counts usage of the holder as waiting. Throws where too much of it waits. */
  async enter(holder: string, units: number): Promise<void> {
    if (this.waiting(holder) + units > BACKLOG_MAX) await this.look();
    if (this.waiting(holder) + units > BACKLOG_MAX) {
      throw new TallyError('rate_limit_exceeded', 'Rate limit reached for requests');
    }
    this.change(holder, units);
  }

  /** What has entered is on the queue now, in this job. */
  isIn(job: string, holder: string, units: number): void {
    const ofJob = this.jobs.get(job) ?? new Map<string, number>();
    ofJob.set(holder, (ofJob.get(holder) ?? 0) + units);
    this.jobs.set(job, ofJob);
    if (this.jobs.size < this.nextLookAt) return;
    this.nextLookAt = Infinity;
    void this.look().then(() => (this.nextLookAt = Math.max(JOBS_REMEMBERED, 2 * this.jobs.size)));
  }

  /** What has entered is not on the queue after all. */
  leave(holder: string, units: number): void {
    this.change(holder, -units);
  }

  /** Those that are on their way to the queue included. */
  waiting(holder: string): number {
    return this.unitsByHolder.get(holder) ?? 0;
  }

  private change(holder: string, units: number): void {
    const after = this.waiting(holder) + units;
    if (after === 0) this.unitsByHolder.delete(holder);
    else this.unitsByHolder.set(holder, after);
  }

  /** One look serves all that come within it and shortly after it. Where Redis does not answer, everything waits still. */
  private look(): Promise<void> {
    this.looking ??= this.removeDone()
      .catch(() => {})
      .finally(() => setTimeout(() => (this.looking = null), LOOK_MS).unref());
    return this.looking;
  }

  private async removeDone(): Promise<void> {
    const jobs = [...this.jobs.keys()];
    for (let start = 0; start < jobs.length; start += LOOK_COUNT_MAX) {
      const some = jobs.slice(start, start + LOOK_COUNT_MAX);
      const existing = new Set(await this.queue.existing(some));
      for (const job of some) if (!existing.has(job)) this.remove(job);
    }
  }

  private remove(job: string): void {
    for (const [holder, units] of this.jobs.get(job) ?? []) this.change(holder, -units);
    this.jobs.delete(job);
  }
}
