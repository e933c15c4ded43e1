/** A server that did not answer a moment ago: what can do without its answer does not wait for it meanwhile. */
import type { Clock } from './clock.js';
import { DeadlineError } from './deadline.js';
import { isUnavailable } from './unavailable.js';

/** For so many times as long as it is recent, an outage may still go on. */
const GOES_ON_TIMES = 5;

export class RecentOutage {
  private seenAtMs = -Infinity;

  /** For `ms` after it was last seen, an outage is recent. */
  constructor(
    private readonly clock: Clock,
    private readonly ms: number,
  ) {}

  isRecent(): boolean {
    return this.wasSeenWithin(this.ms);
  }

  see(): void {
    this.seenAtMs = this.clock.now().getTime();
  }

  end(): void {
    this.seenAtMs = -Infinity;
  }

  /**
   * An outage that may still go on is recent again: the caller finds out whether it does, and nobody else waits for that. One that nobody
   * has seen for a while is over as far as anybody knows.
   */
  prolong(): void {
    if (this.wasSeenWithin(this.ms * GOES_ON_TIMES)) this.see();
  }

  /** A clock that is set back does not prolong it. */
  private wasSeenWithin(ms: number): boolean {
    const sinceMs = this.clock.now().getTime() - this.seenAtMs;
    return sinceMs >= 0 && sinceMs < ms;
  }
}

/** Whether the server is unavailable, or too slow for who asked. */
export function isOutage(error: unknown): boolean {
  return error instanceof DeadlineError || isUnavailable(error);
}
