/**
 * Checks on a schedule which alerts the month's spend has reached, and queues the messages in the same transaction, so an alert that
 * has fired is reported even if this process dies. It may run twice, late, and concurrently.
 */
import { Injectable } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { GRACE_MS, periodEnd, periodOf, periodStart } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import {
  findEntitiesReached,
  fireSpendAlerts,
  type Firing,
  type OpenPeriod,
} from './spend-alert-firing.sql.js';
import { oneByOne, pagesOf, transactionOfOne } from '../platform/one-by-one.js';
import { Notifications, type Notice } from './notifications.js';

const SPEND_ALERT_EVENT = 'spend_alert.triggered';
const BATCH_FIRINGS_MAX = 500;
const PAGE_ENTITIES = 500;

@Injectable()
export class SpendAlertFiring {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly notifications: Notifications,
  ) {}

  /** Returns how many alerts fired. Each entity has its own transactions; throws a RoundError where one failed. */
  async fire(signal?: AbortSignal): Promise<number> {
    const periods = openPeriods(await this.clock.bookingTime(this.database.reader));
    const entities = pagesOf<{ entity: string }>((last) =>
      findEntitiesReached(this.database.reader, {
        periods,
        after: last?.entity ?? null,
        limit: PAGE_ENTITIES,
      }),
    );
    return oneByOne(entities, ({ entity }) => this.fireAllOf(entity), signal);
  }

  private async fireAllOf(entity: string): Promise<number> {
    let fired = 0;
    for (let full = true; full;) {
      const batch = await transactionOfOne(this.database, (tx) => this.fireBatch(tx, entity));
      fired += batch;
      full = batch === BATCH_FIRINGS_MAX;
    }
    return fired;
  }

  private async fireBatch(tx: Tx, entity: string): Promise<number> {
    const at = await this.clock.bookingTime(tx);
    const periods = openPeriods(at);
    const firings = await fireSpendAlerts(tx, { entity, periods, at, limit: BATCH_FIRINGS_MAX });
    await this.notifications.tell(tx, firings.map(noticeOf), at);
    return firings.length;
  }
}

/** The current month, and the previous one while late usage may still be charged to it. */
function openPeriods(at: Date): OpenPeriod[] {
  const period = periodOf(at);
  const previous = periodOf(new Date(periodStart(period).getTime() - 1));
  const isGrace = at.getTime() < periodEnd(previous).getTime() + GRACE_MS;
  return [period, ...(isGrace ? [previous] : [])].map((one) => ({ period: one, end: periodEnd(one) }));
}

function noticeOf(firing: Firing): Notice {
  const { entity, project, period, recipients, subjectPrefix } = firing;
  const [spent, threshold] = [formatUsd(firing.spentPicos), formatUsd(firing.thresholdPicos)];
  const who = project === null ? entity : `${entity}/${project}`;
  return {
    type: SPEND_ALERT_EVENT,
    entity,
    isForEntity: true,
    data: { id: firing.id, entity, project, period, threshold_usd: threshold, spent_usd: spent },
    channel: { recipients, subjectPrefix },
    subject: `${who} has spent $${spent} in ${period}`,
    sentences: [
      `${who} has spent $${spent} in ${period}.`,
      `The alert ${firing.id} is set at $${threshold}.`,
    ],
  };
}
