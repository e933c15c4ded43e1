/** Writes a batch of usage. If Postgres refuses the data of one event, splits the batch to find that event, and counts the rest. */
import { Injectable } from '@nestjs/common';
import { formatSubject } from '../domain/ids.js';
import type { UsageEvent } from '../domain/usage.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { isDataFault } from '../platform/postgres-errors.js';
import { DeadLetters } from './dead-letters.js';
import { Recorder, type RecordResult } from './recorder.js';

/** An event, and the JSON that it was read from, which a dead letter would keep. */
export type Delivery = { readonly event: UsageEvent; readonly body: unknown; readonly jobId: string | null };

@Injectable()
export class BatchSplitter {
  constructor(
    private readonly recorder: Recorder,
    private readonly deadLetters: DeadLetters,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {}

  /** Resolves when every event is counted or a dead letter. Throws when a server is at fault; the batch can then be written again. */
  async write(deliveries: readonly Delivery[]): Promise<void> {
    try {
      const result = await this.recorder.record(deliveries.map(({ event }) => event));
      this.count(result);
      if (result.conflicts > 0)
        this.logger.warn('usage conflicts kept for review', { conflicts: result.conflicts });
      if (result.unpriced > 0) this.logger.warn('usage without a price kept', { events: result.unpriced });
      if (result.unread > 0) this.logger.warn('usage with unread fields counted', { events: result.unread });
    } catch (error) {
      if (!isDataFault(error)) throw error;
      const [first] = deliveries;
      if (deliveries.length === 1 && first !== undefined) return this.keepAsDeadLetter(first, error);
      const middle = Math.ceil(deliveries.length / 2);
      await this.write(deliveries.slice(0, middle));
      await this.write(deliveries.slice(middle));
    }
  }

  private count(result: RecordResult): void {
    this.metrics.usageEvents.inc({ outcome: 'recorded' }, result.recorded);
    this.metrics.usageEvents.inc({ outcome: 'duplicate' }, result.duplicates);
    this.metrics.usageEvents.inc({ outcome: 'conflict' }, result.conflicts);
    this.metrics.usageEvents.inc({ outcome: 'unpriced' }, result.unpriced);
    this.metrics.usageEvents.inc({ outcome: 'unread' }, result.unread);
  }

  private async keepAsDeadLetter({ event, body, jobId }: Delivery, error: unknown): Promise<void> {
    this.metrics.usageEvents.inc({ outcome: 'dead_letter' });
    this.logger.error('an event that the database refuses became a dead letter', error, {
      subject: formatSubject(event),
      event_id: event.id,
    });
    await this.deadLetters.keep([
      {
        code: 'refused_by_database',
        message: error instanceof Error ? error.message : String(error),
        payload: JSON.stringify(body),
        jobId,
        entity: event.entity,
        project: event.project,
        source: event.source,
        eventId: event.id,
      },
    ]);
  }
}
