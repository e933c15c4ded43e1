/** Usage that arrives over HTTP: each event is validated on its own, and those that can be counted go to the queue. */
import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { UsageQueue } from '../platform/queues.js';
import { parseEvent } from './event-validation.js';

export type Rejection = {
  readonly index: number;
  readonly id: string | null;
  readonly code: string;
  readonly message: string;
};
export type Receipt = { readonly accepted: number; readonly rejected: readonly Rejection[] };

@Injectable()
export class UsageIntake {
  constructor(
    private readonly queue: UsageQueue,
    private readonly clock: Clock,
  ) {}

  /** Resolves when Redis has the accepted events. `scope` is the one entity that the caller may report for, or null for all. */
  async report(bodies: readonly unknown[], scope: string | null): Promise<Receipt> {
    const now = this.clock.now();
    const accepted: unknown[] = [];
    const rejected: Rejection[] = [];
    for (const [index, body] of bodies.entries()) {
      const reading = parseEvent(body, now);
      if (!reading.ok) {
        rejected.push({ index, id: reading.id, code: reading.code, message: reading.message });
      } else if (scope !== null && reading.event.entity !== scope) {
        const message = `this key reports for ${scope} only`;
        rejected.push({ index, id: reading.event.id, code: 'insufficient_permissions', message });
      } else {
        accepted.push(body);
      }
    }
    await this.queue.add(accepted);
    return { accepted: accepted.length, rejected };
  }
}
