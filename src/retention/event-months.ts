/**
 * Drops the events of months that are too old, where somebody has set for how long events are kept. A month's events go when nothing can change
 * them any more, and when they add up to what stays: roll-ups, statements, corrections, and a record with a hash over the events. It may run
 * late, twice, and on two workers at once.
 */
import { Injectable } from '@nestjs/common';
import { USAGE_EVENT_BACK_MS_MAX } from '@tally/client/protocol';
import { insertAuditEntry } from '../access/audit-log.js';
import { findDifferencesOfMonth } from '../books/reconciliation.js';
import { DAY_MS } from '../domain/buckets.js';
import { closesAt, periodEnd, periodStart, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { Logger } from '../platform/logger.js';
import { allowLongReading } from '../platform/long-reading.js';
import { Metrics } from '../platform/metrics.js';
import {
  countRequests,
  dropMonth,
  findMonths,
  findRecord,
  findWaits,
  lockMonth,
  recordMonth,
  type Month,
  type MonthRow,
} from './event-months.sql.js';
import { monthsBefore, RetentionSettings } from './retention-settings.js';

/** Of one month. Ten million events are read in minutes. */
const TIMEOUT_MS = 3_600_000;

/** How much longer than accepted an event may wait in the queue. */
const SLACK_MS = 7 * DAY_MS;

/** Jobs that may change what was counted. */
const JOB_KINDS = [
  'rerating',
  'unpriced_charging',
  'repair',
  'erasure',
  'price_import',
  'dead_letter_resolution',
  'conflict_resolution',
];

export type EventMonth = {
  readonly month: string;
  /** `due` ones go with the next run. */
  readonly state: 'kept' | 'due' | 'waiting' | 'dropped';
  readonly waitsFor: readonly string[];
  /** How many were dropped, or would be; null of those that are kept. */
  readonly events: bigint | null;
  readonly costPicos: bigint | null;
  readonly droppedAt: Date | null;
  readonly hash: string | null;
};

/** A month stays: for what waits for somebody, for differences in its books, or because somebody uses it now. */
class Kept extends Error {
  constructor(
    readonly waits: readonly string[],
    readonly isDiffering = false,
  ) {
    super(waits.join(', '));
  }
}

@Injectable()
export class EventMonths {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly settings: RetentionSettings,
    private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {}

  /** Every month that has usage, newest first, and what a run would do if events were kept for so many months. */
  async list(months: number | null): Promise<EventMonth[]> {
    const { reader } = this.database;
    const now = await this.clock.bookingTime(reader);
    const listed: EventMonth[] = [];
    for (const row of (await findMonths(reader)).toReversed())
      listed.push(await this.stateOf(row, now, months));
    return listed;
  }

  private async stateOf(row: MonthRow, now: Date, months: number | null): Promise<EventMonth> {
    const { month, droppedAt, events, cost, hash } = row;
    const nothing = { waitsFor: [], events: null, costPicos: null, droppedAt: null, hash: null };
    if (droppedAt !== null)
      return { ...nothing, month, state: 'dropped', events, costPicos: BigInt(cost!), droppedAt, hash };
    if (!isDue(month, now, months)) return { ...nothing, month, state: 'kept' };
    const of = monthOf(month);
    const waitsFor = await findWaits(this.database.reader, { ...of, ...waitBounds(of) });
    const state = waitsFor.length === 0 ? 'due' : 'waiting';
    return { ...nothing, month, state, waitsFor, events: await countRequests(this.database.reader, of) };
  }

  /** Returns how many months it dropped. What keeps a month is logged and counted; the next run looks again. */
  async drop(signal?: AbortSignal): Promise<number> {
    const { events: months } = await this.settings.get();
    const now = await this.clock.bookingTime(this.database.reader);
    let dropped = 0;
    for (const { month, droppedAt } of await findMonths(this.database.reader)) {
      if (signal?.aborted === true) break;
      if (droppedAt !== null || !isDue(month, now, months)) continue;
      dropped += await this.dropOne(monthOf(month));
    }
    return dropped;
  }

  private async dropOne(month: Month): Promise<number> {
    try {
      const record = await this.database.transaction((tx) => this.dropIn(tx, month), {
        timeoutMs: TIMEOUT_MS,
      });
      this.metrics.usageMonths.inc({ outcome: 'dropped' });
      this.logger.info('events of a month dropped', {
        month: month.month,
        ...record,
        events: String(record.events),
      });
      return 1;
    } catch (error) {
      if (!(error instanceof Kept)) throw error;
      this.metrics.usageMonths.inc({ outcome: error.isDiffering ? 'differing' : 'kept' });
      const fields = { month: month.month, waits_for: error.waits };
      if (error.isDiffering) this.logger.warn('events of a month are kept: its books differ', fields);
      else this.logger.info('events of a month are kept', fields);
      return 0;
    }
  }

  private async dropIn(tx: Tx, month: Month): Promise<{ events: bigint; cost_picos: string; hash: string }> {
    await allowLongReading(tx);
    const at = await this.clock.bookingTime(tx);
    if (!(await lockMonth(tx, month))) throw new Kept(['in_use']);
    const waits = await findWaits(tx, { ...month, ...waitBounds(month) });
    if (waits.length > 0) throw new Kept(waits);
    const differing = await findDifferencesOfMonth(tx, month);
    if (differing.length > 0) throw new Kept(differing, true);
    await recordMonth(tx, month, at);
    const { events, cost, hash } = await findRecord(tx, month);
    const record = { events, cost_picos: cost, hash };
    await insertAuditEntry(tx, {
      at,
      actor: 'system',
      action: 'usage_months.drop',
      entity: null,
      target: month.month,
      before: { ...record, events: String(events) },
      after: null,
    });
    if (!(await dropMonth(tx, month))) throw new Kept(['in_use']);
    return record;
  }
}

/** The month is over for so long, and so is its grace. */
function isDue(month: string, now: Date, months: number | null): boolean {
  if (months === null) return false;
  return periodEnd(month as Period) <= monthsBefore(now, months) && closesAt(month as Period) <= now;
}

function monthOf(month: string): Month {
  return { month, from: periodStart(month as Period), to: periodEnd(month as Period) };
}

function waitBounds({ to }: Month) {
  return { takenUntil: new Date(to.getTime() + USAGE_EVENT_BACK_MS_MAX + SLACK_MS), jobs: JOB_KINDS };
}
