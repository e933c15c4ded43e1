/** Counts a batch and what came of it, judges what it failed for, and keeps events that Postgres refuses as dead letters. */
import { Inject, Injectable } from '@nestjs/common';
import { formatSubject } from '../domain/ids.js';
import { Database } from '../platform/database.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { TRACING, type Tracing } from '../platform/tracing.js';
import type { UsageEvent } from '../domain/usage.js';
import { traceOfEvent } from './event-trace.js';
import { findContentChecks } from './content-checks.sql.js';
import { DeadLetters } from './dead-letters.js';
import type { Delivery, Wait } from './delivery.js';
import { verdictOn } from './guilt.js';
import type { LaneWork } from './parted-write.js';
import { readable } from './well-formed.js';
import { Recorder, type RecordResult } from './recorder.js';

@Injectable()
export class BatchWriter implements LaneWork {
  constructor(
    private readonly recorder: Recorder,
    private readonly deadLetters: DeadLetters,
    private readonly database: Database,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
    @Inject(TRACING) private readonly tracing: Tracing | null,
  ) {}

  async write(batch: readonly Delivery[]): Promise<readonly Delivery[]> {
    const startedMs = performance.now();
    const result = await this.record(batch);
    this.count(result);
    const setAside = new Set(result.setAside);
    const held = setAside.size === 0 ? [] : batch.filter(({ event }) => setAside.has(event));
    const settled = batch.filter(({ event }) => event.reservationId !== null && !setAside.has(event));
    this.metrics.holds.inc({ event: 'settled' }, settled.length);
    if (this.tracing !== null) this.trace(this.tracing, batch, { setAside, startedMs });
    return held;
  }

  private trace(
    tracing: Tracing,
    batch: readonly Delivery[],
    { setAside, startedMs }: { setAside: ReadonlySet<UsageEvent>; startedMs: number },
  ): void {
    for (const { event, body } of batch) {
      if (setAside.has(event)) continue;
      const attributes: Record<string, string | number> = { 'messaging.batch.message_count': batch.length };
      if (event.reservationId !== null) attributes['tally.reservation_id'] = event.reservationId;
      tracing.note({ name: 'usage.book', from: traceOfEvent(body), attributes, startedMs });
    }
  }

  private async record(batch: readonly Delivery[]): Promise<RecordResult> {
    const { batchEvents, batchSeconds } = this.metrics;
    const beganMs = performance.now();
    let outcome = 'failed';
    try {
      const result = await this.recorder.record(batch.map(({ event }) => event));
      outcome = 'written';
      batchEvents.observe(batch.length);
      return result;
    } finally {
      batchSeconds.observe({ outcome }, (performance.now() - beganMs) / 1_000);
    }
  }

  async judge(error: unknown): Promise<Wait | 'content'> {
    return verdictOn(error, () => this.contentChecks());
  }

  /** Where Postgres cannot even name its checks, no event is to blame. */
  private async contentChecks(): Promise<readonly string[]> {
    try {
      return await findContentChecks(this.database.reader);
    } catch {
      return [];
    }
  }

  async refuse({ event, body, jobId }: Delivery, error: unknown): Promise<void> {
    await this.deadLetters.keep([
      {
        code: 'refused_by_database',
        message: readable(error instanceof Error ? error.message : String(error), 1_000),
        payload: JSON.stringify(body),
        jobId,
        entity: event.entity,
        project: event.project,
        source: event.source,
        eventId: event.id,
      },
    ]);
    this.metrics.usageEvents.inc({ outcome: 'dead_letter' });
    this.logger.error('an event that the database refuses became a dead letter', error, {
      subject: formatSubject(event),
      event_id: event.id,
    });
  }

  private count(result: RecordResult): void {
    const { recorded, duplicates, conflicts, unpriced, unread, lagsSeconds } = result;
    this.metrics.usageEvents.inc({ outcome: 'recorded' }, recorded);
    this.metrics.usageEvents.inc({ outcome: 'duplicate' }, duplicates);
    this.metrics.usageEvents.inc({ outcome: 'conflict' }, conflicts);
    this.metrics.usageEvents.inc({ outcome: 'unpriced' }, unpriced);
    this.metrics.usageEvents.inc({ outcome: 'unread' }, unread);
    for (const seconds of lagsSeconds) this.metrics.usageLag.observe(Math.max(0, seconds));
    if (conflicts > 0) this.logger.warn('usage conflicts kept for review', { conflicts });
    if (unpriced > 0) this.logger.warn('usage without a price kept', { events: unpriced });
    if (unread > 0) this.logger.warn('usage with unread fields counted', { events: unread });
  }
}
