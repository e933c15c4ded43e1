/** Usage that arrives over HTTP: each event is validated on its own, so that the caller is told at once what cannot be counted. */
import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { UsageQueue } from '../platform/queues.js';
import { EventGatherer } from './event-gatherer.js';
import { FOREIGN_LOG, foreignLogOf } from './foreign-logs.js';
import { markedOutOfTime, parseEvent } from './event-validation.js';
import { KeyBacklog, unitsOf } from './key-backlog.js';
import { REFUSED_IN_A_TURN_MAX, TurnBudget } from './turn-budget.js';

export type Report = {
  /** The body of each event. */
  readonly events: readonly unknown[];
  /** Of all of them, as JSON. */
  readonly bytes: number;
  readonly keyId: string;
  /** The one entity that the key may report for, or null for all. */
  readonly scope: string | null;
  /** The one source that events of the key may name, or null for any. */
  readonly source: string | null;
};
export type Rejection = {
  readonly index: number;
  readonly id: string | null;
  readonly code: string;
  readonly message: string;
};
export type Receipt = { readonly accepted: number; readonly rejected: readonly Rejection[] };

@Injectable()
export class UsageIntake {
  private readonly refused = new TurnBudget(REFUSED_IN_A_TURN_MAX);

  constructor(
    private readonly queue: UsageQueue,
    private readonly gatherer: EventGatherer,
    private readonly backlog: KeyBacklog,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves when Redis has the events. What is rejected goes to the queue as well, where it becomes a dead letter; only what the caller
   * may not report, and another program's log, is kept nowhere. Throws where Redis does not have all of them: reporting them again is safe.
   * Throws `rate_limit_exceeded` where too much usage of the key waits, or of its entity.
   */
  async report(report: Report): Promise<Receipt> {
    const { kept, ...receipt } = await this.read(report);
    const bytesOfOne = report.bytes / report.events.length;
    const parts = [...kept].map(([queueName, events]) => ({
      queueName,
      events,
      bytes: Math.ceil(bytesOfOne * events.length),
    }));
    const units = parts.reduce((sum, part) => sum + unitsIn(part), 0);
    // A customer makes keys for itself, so all that are bound to one entity have one backlog.
    const holder = report.scope ?? report.keyId;
    await this.backlog.enter(holder, units);
    await Promise.all(parts.map((part) => this.store(part, holder)));
    return receipt;
  }

  /** What is kept of the report by the queue that it goes to, and what the caller is told. */
  private async read({
    events,
    scope,
    source,
  }: Report): Promise<Receipt & { readonly kept: Map<string, unknown[]> }> {
    const now = this.clock.now();
    const kept = new Map<string, unknown[]>();
    const rejected: Rejection[] = [];
    let accepted = 0;
    for (const [index, body] of events.entries()) {
      const reading = parseEvent(body, now);
      if (!reading.ok) await this.refused.admit(1);
      const of = reading.ok ? reading.event : reading;
      const { id, entity } = of;
      const message = foreignTo({ scope, source }, of);
      if (message !== null) {
        rejected.push({ index, id, code: 'insufficient_permissions', message });
        continue;
      }
      const foreign = reading.ok ? null : foreignLogOf(body);
      if (foreign !== null) {
        rejected.push({ index, id, code: FOREIGN_LOG, message: foreign });
        continue;
      }
      const queueName = this.queue.nameFor(entity);
      const isOutOfTime = !reading.ok && reading.code === 'time_out_of_range';
      const told = isOutOfTime ? markedOutOfTime(body) : body;
      const ofQueue = kept.get(queueName);
      if (ofQueue === undefined) kept.set(queueName, [told]);
      else ofQueue.push(told);
      if (reading.ok) accepted += 1;
      else rejected.push({ index, id, code: reading.code, message: reading.message });
    }
    return { kept, accepted, rejected };
  }

  private async store(part: Part, holder: string): Promise<void> {
    const units = unitsIn(part);
    try {
      this.backlog.isIn(await this.gatherer.add(part.queueName, part), holder, units);
    } catch (error) {
      this.backlog.leave(holder, units);
      throw error;
    }
  }
}

/** The events of a report that go to one queue. */
type Part = { readonly queueName: string; readonly events: readonly unknown[]; readonly bytes: number };

function unitsIn({ events, bytes }: Part): number {
  return unitsOf({ count: events.length, bytes });
}

/** Why the key may not report the event, though it may be in order; null where it may. What names nobody is nobody else's. */
function foreignTo(
  key: Pick<Report, 'scope' | 'source'>,
  event: { readonly entity: string | null; readonly source: string | null },
): string | null {
  if (key.scope !== null && event.entity !== null && event.entity !== key.scope)
    return `this key reports for ${key.scope} only`;
  if (key.source !== null && event.source !== null && event.source !== key.source)
    return `this key reports events of the source ${key.source} only`;
  return null;
}
