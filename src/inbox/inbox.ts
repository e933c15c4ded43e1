/** What waits for a person, in one look. It reads little, so that a page may ask for it every few seconds. */
import { Injectable } from '@nestjs/common';
import { RECONCILIATION_KIND } from '../books/reconciliation-job.js';
import type { ReconciliationReport } from '../books/reconciliation.js';
import { DAY_MS } from '../domain/buckets.js';
import { Jobs } from '../jobs/jobs.js';
import { Clock } from '../platform/clock.js';
import { togetherOf, UsageQueue, type UsageQueueState } from '../platform/queues.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { isUnavailable } from '../platform/unavailable.js';
import {
  countFailedJobs,
  countOpenConflicts,
  countOpenDeadLetters,
  countOpenDeliveries,
  findFailingWebhooks,
  findUnpricedModels,
  findUnreadFields,
  type FailingWebhook,
  type UnpricedModel,
  type UnreadField,
  type Waiting,
  type WaitingOfCode,
} from './inbox.sql.js';

/** What is counted of each; more is told as more. */
export const COUNT_MAX = 10_000;
export const LISTED_MAX = 100;
const SERIES_MAX = 200;
export const EVENTS_MAX = 1_000;
/** What is older has been looked at, or never will be. */
const SINCE_DAYS = 7;
/** A queue whose oldest job waits for longer is late. */
const LATE_SECONDS = 60;

export type LastReconciliation = {
  readonly jobId: string;
  readonly at: Date;
  readonly ok: boolean;
  /** The names of the checks that found differences. */
  readonly checks: readonly string[];
};

export type QueueLook = UsageQueueState & { readonly isLate: boolean };

export type InboxCounts = {
  readonly deadLetters: number;
  readonly conflicts: number;
  readonly failedJobs: number;
  readonly unpricedModels: number;
  readonly unpricedEvents: number;
  readonly unreadFields: number;
  readonly failingWebhooks: number;
  readonly deliveries: { readonly webhooks: number; readonly mails: number };
  readonly reconciliation: LastReconciliation | null;
};

export type InboxContent = {
  readonly at: Date;
  readonly since: Date;
  /** By reason, most first. */
  readonly deadLetters: readonly WaitingOfCode[];
  readonly conflicts: Waiting;
  readonly failedJobs: Waiting;
  readonly unpricedModels: readonly UnpricedModel[];
  readonly unreadFields: readonly UnreadField[];
  readonly failingWebhooks: readonly FailingWebhook[];
  /** Null where the books were never reconciled. */
  readonly reconciliation: LastReconciliation | null;
  /** Null while the queue's Redis is unavailable. */
  readonly queue: QueueLook | null;
};

@Injectable()
export class Inbox {
  constructor(
    private readonly database: ReportsDatabase,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
    private readonly usage: UsageQueue,
  ) {}

  async look(): Promise<InboxContent> {
    const [stored, reconciliation, queue] = await Promise.all([
      this.stored(),
      this.lastReconciliation(),
      this.queue(),
    ]);
    return { ...stored, reconciliation, queue };
  }

  /** How much of each, for the metrics. */
  async counts(): Promise<InboxCounts> {
    const [counts, reconciliation] = await Promise.all([this.counted(), this.lastReconciliation()]);
    return { ...counts, reconciliation };
  }

  private counted() {
    return this.database.read(async (tx) => {
      const since = new Date((await this.clock.bookingTime(tx)).getTime() - SINCE_DAYS * DAY_MS);
      const unpriced = await findUnpricedModels(tx, { seriesMax: SERIES_MAX, eventsMax: EVENTS_MAX });
      const unread = await findUnreadFields(tx, { since, eventsMax: EVENTS_MAX, limit: LISTED_MAX });
      return {
        deadLetters: sumOf(await countOpenDeadLetters(tx, { limit: COUNT_MAX })),
        conflicts: (await countOpenConflicts(tx, { limit: COUNT_MAX })).count,
        failedJobs: (await countFailedJobs(tx, { since, limit: LISTED_MAX })).count,
        unpricedModels: unpriced.length,
        unpricedEvents: unpriced.reduce((sum, { events }) => sum + events, 0),
        unreadFields: unread.length,
        failingWebhooks: (await findFailingWebhooks(tx, { limit: LISTED_MAX })).length,
        deliveries: await countOpenDeliveries(tx, { limit: COUNT_MAX }),
      };
    });
  }

  private stored() {
    return this.database.read(async (tx) => {
      const at = await this.clock.bookingTime(tx);
      const since = new Date(at.getTime() - SINCE_DAYS * DAY_MS);
      return {
        at,
        since,
        deadLetters: await countOpenDeadLetters(tx, { limit: COUNT_MAX }),
        conflicts: await countOpenConflicts(tx, { limit: COUNT_MAX }),
        failedJobs: await countFailedJobs(tx, { since, limit: LISTED_MAX }),
        unpricedModels: await findUnpricedModels(tx, { seriesMax: SERIES_MAX, eventsMax: EVENTS_MAX }),
        unreadFields: await findUnreadFields(tx, { since, eventsMax: EVENTS_MAX, limit: LISTED_MAX }),
        failingWebhooks: await findFailingWebhooks(tx, { limit: LISTED_MAX }),
      };
    });
  }

  private async lastReconciliation(): Promise<LastReconciliation | null> {
    const job = await this.jobs.newestDone(RECONCILIATION_KIND);
    if (job?.result == null) return null;
    const { ok, checks } = JSON.parse(job.result) as ReconciliationReport;
    const differing = checks.filter((check) => !check.ok).map(({ name }) => name);
    return { jobId: job.id, at: job.finishedAt ?? job.createdAt, ok, checks: differing };
  }

  private async queue(): Promise<QueueLook | null> {
    try {
      const state = togetherOf(await this.usage.looks());
      return { ...state, isLate: (state.oldestSeconds ?? 0) > LATE_SECONDS };
    } catch (error) {
      if (isUnavailable(error)) return null;
      throw error;
    }
  }
}

export function sumOf(waiting: readonly Pick<Waiting, 'count'>[]): number {
  return waiting.reduce((sum, { count }) => sum + count, 0);
}
