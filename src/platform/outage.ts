/** A server that did not answer a moment ago: what can do without its answer does not wait for it meanwhile. */
import type { Clock } from './clock.js';
import { DeadlineError } from './deadline.js';
import { isUnavailable } from './unavailable.js';

export class RecentOutage {
  private seenAtMs = -Infinity;

  /** For `ms` after it was last seen, an outage is recent. */
  constructor(
    private readonly clock: Clock,
    private readonly ms: number,
  ) {}

  /** A clock that is set back does not prolong it. */
  isRecent(): boolean {
    const sinceMs = this.clock.now().getTime() - this.seenAtMs;
    return sinceMs >= 0 && sinceMs < this.ms;
  }

  see(): void {
    this.seenAtMs = this.clock.now().getTime();
  }

  end(): void {
    this.seenAtMs = -Infinity;
  }

  /** An outage that has not ended is recent again: the caller finds out whether it has, and nobody else waits for that. */
  prolong(): void {
    if (this.seenAtMs !== -Infinity) this.see();
  }
}

/** Whether the server is unavailable, or too slow for who asked. */
export function isOutage(error: unknown): boolean {
  return error instanceof DeadlineError || isUnavailable(error);
}
