/**
 * Checks on a schedule which alerts the month's spend has reached, and queues the messages in the same transaction, so an alert that
 * has fired is reported even if this process dies. It may run twice, late, and concurrently.
 */
import { Injectable } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { randomId } from '../domain/ids.js';
import { GRACE_MS, periodEnd, periodOf, periodStart } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { fireSpendAlerts, type Firing } from './spend-alert-firing.sql.js';
import { WebhookDeliveries } from './webhook-deliveries.js';

const BATCH_FIRINGS_MAX = 500;

@Injectable()
export class SpendAlertFiring {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly deliveries: WebhookDeliveries,
  ) {}

  /** Returns how many alerts fired. */
  async fire(): Promise<number> {
    let fired = 0;
    for (let full = true; full;) {
      const batch = await this.database.transaction((tx) => this.fireBatch(tx));
      fired += batch;
      full = batch === BATCH_FIRINGS_MAX;
    }
    return fired;
  }

  private async fireBatch(tx: Tx): Promise<number> {
    const at = await this.clock.bookingTime(tx);
    const firings = await fireSpendAlerts(tx, { periods: openPeriods(at), at, limit: BATCH_FIRINGS_MAX });
    const messages = firings.map((firing) => ({
      id: randomId('msg'),
      entity: firing.entity,
      payload: JSON.stringify(messageOf(firing, at)),
    }));
    await this.deliveries.enqueue(tx, messages, at);
    return firings.length;
  }
}

/** The current month, and the previous one while late usage may still be charged to it. */
function openPeriods(at: Date): { period: string; end: Date }[] {
  const period = periodOf(at);
  const previous = periodOf(new Date(periodStart(period).getTime() - 1));
  const isGrace = at.getTime() < periodEnd(previous).getTime() + GRACE_MS;
  return [period, ...(isGrace ? [previous] : [])].map((one) => ({ period: one, end: periodEnd(one) }));
}

function messageOf(firing: Firing, at: Date): Record<string, unknown> {
  return {
    type: 'spend_alert.triggered',
    timestamp: at.toISOString(),
    data: {
      id: firing.id,
      entity: firing.entity,
      project: firing.project,
      period: firing.period,
      threshold_usd: formatUsd(firing.thresholdPicos),
      spent_usd: formatUsd(firing.spentPicos),
      notification_channel: {
        type: 'email',
        recipients: firing.recipients,
        subject_prefix: firing.subjectPrefix,
      },
    },
  };
}
