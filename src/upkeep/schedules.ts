/** What upkeep does and when, one line a schedule. Each may run late, twice, and on two workers at once. */
import type { Type } from '@nestjs/common';
import { Chains } from '../access/chains.js';
import { AlertFiring } from '../alerts/alert-firing.js';
import { MailDeliveries } from '../alerts/mail-deliveries.js';
import { SpendAlertFiring } from '../alerts/spend-alert-firing.js';
import { WebhookDeliveries } from '../alerts/webhook-deliveries.js';
import { UnpricedUsage } from '../corrections/unpriced-usage.js';
import { GrantExpiry } from '../credits/grant-expiry.js';
import { HourlyPosting } from '../credits/hourly-posting.js';
import { IdentityPruning } from '../metering/identity-pruning.js';
import { UsageMonths } from '../metering/usage-months.js';
import { DailyRollUps } from '../periods/daily-roll-ups.js';
import { PeriodClose } from '../periods/period-close.js';
import { HoldTotals } from '../quota/hold-totals.js';
import { OutputSampling } from '../quota/output-sampling.js';
import { EventMonths } from '../retention/event-months.js';
import { RetentionPruning } from '../retention/retention-pruning.js';

type Find = <T>(service: Type<T>) => T;

export type Schedule = {
  /** Seconds first, in UTC. */
  readonly pattern: string;
  /** Returns how many rows it changed. Ends soon after the signal. */
  readonly run: (find: Find, signal: AbortSignal) => Promise<number>;
};

/** The names are those of BullMQ's schedulers in Redis: a name that is changed leaves the old schedule behind. */
export const SCHEDULES = {
  /** What usage cannot be counted without, and what customers are charged. */
  money: {
    'make-months': at('10 */5 * * * *', UsageMonths, (months) => months.ensure()),
    'post-closed-hours': at('30 1-56/5 * * * *', HourlyPosting, (posting, signal) => posting.post(signal)),
    'expire-grants': at('0 * * * * *', GrantExpiry, (expiry, signal) => expiry.expire(signal)),
    'charge-unpriced': at('15 */5 * * * *', UnpricedUsage, (unpriced, signal) => unpriced.charge(signal)),
    'close-periods': at('0 5 * * * *', PeriodClose, (periods, signal) => periods.closePeriods(signal)),
  },
  /** What reads or deletes much. */
  slow: {
    'roll-up-days': at('40 * * * * *', DailyRollUps, (days, signal) => days.build(signal)),
    'prune-identities': at('0 20 * * * *', IdentityPruning, (identities, signal) =>
      identities.prunePart(signal),
    ),
    'log-chains': at('0 50 * * * *', Chains, (chains, signal) => chains.logHeads(signal)),
    'prune-by-age': at('0 30 * * * *', RetentionPruning, (retention, signal) => retention.prune(signal)),
    'forget-persons': at('0 45 * * * *', RetentionPruning, (retention, signal) => retention.forget(signal)),
    'sample-outputs': at('45 */5 * * * *', OutputSampling, (outputs) => outputs.sample()),
    'sum-holds': at('*/30 * * * * *', HoldTotals, (totals, signal) => totals.sum(signal)),
    'sweep-mails': at('30 40 * * * *', RetentionPruning, (retention) => retention.sweepMails()),
    'sweep-webhooks': at('0 40 * * * *', RetentionPruning, (retention) => retention.sweepWebhooks()),
  },
  /** What reads a month of events at a time, which takes minutes. */
  months: {
    'drop-event-months': at('0 55 * * * *', EventMonths, (months, signal) => months.drop(signal)),
  },
  /** What tells others. */
  outbound: {
    'fire-spend-alerts': at('20 * * * * *', SpendAlertFiring, (alerts, signal) => alerts.fire(signal)),
    'fire-alerts': at('25 * * * * *', AlertFiring, (alerts, signal) => alerts.fire(signal)),
    'fire-paced-alerts': at('50 */10 * * * *', AlertFiring, (alerts, signal) => alerts.firePaced(signal)),
    'deliver-webhooks': at('*/5 * * * * *', WebhookDeliveries, (webhooks, signal) =>
      webhooks.deliver(signal),
    ),
    'deliver-mail': at('2-57/5 * * * * *', MailDeliveries, (mails, signal) => mails.deliver(signal)),
  },
};

function at<T>(
  pattern: string,
  service: Type<T>,
  run: (service: T, signal: AbortSignal) => Promise<number>,
): Schedule {
  return { pattern, run: (find, signal) => run(find(service), signal) };
}

/** The interval of a pattern whose hour is `*`: every `n` seconds or minutes, or once a minute or an hour. */
export function intervalSecondsOf(pattern: string): number {
  const [seconds = '', minutes = ''] = pattern.split(' ');
  const step = (field: string): number => Number(/\/(\d+)$/.exec(field)?.[1] ?? 60);
  return minutes === '*' ? step(seconds) : 60 * step(minutes);
}
