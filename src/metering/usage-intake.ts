/** Usage that arrives over HTTP: each event is validated on its own, so that the caller is told at once what cannot be counted. */
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

  /**
   * Resolves when Redis has the events. What is rejected goes to the queue as well, where it becomes a dead letter; only what the caller
   * may not report is kept nowhere. `scope` is the one entity that it may report for, or null for all.
   */
  async report(bodies: readonly unknown[], scope: string | null): Promise<Receipt> {
    const now = this.clock.now();
    const kept: unknown[] = [];
    const rejected: Rejection[] = [];
    let accepted = 0;
    for (const [index, body] of bodies.entries()) {
      const reading = parseEvent(body, now);
      const { id, entity } = reading.ok ? reading.event : reading;
      if (scope !== null && entity !== null && entity !== scope) {
        const message = `this key reports for ${scope} only`;
        rejected.push({ index, id, code: 'insufficient_permissions', message });
        continue;
      }
      kept.push(body);
      if (reading.ok) accepted += 1;
      else rejected.push({ index, id, code: reading.code, message: reading.message });
    }
    await this.queue.add(kept);
    return { accepted, rejected };
  }
}
