/** What upkeep does and when, one line a schedule. Each may run late, twice, and on two workers at once. */
import type { Type } from '@nestjs/common';
import { IdempotencyPruning } from '../access/idempotency-pruning.js';
import { SpendAlertFiring } from '../alerts/spend-alert-firing.js';
import { WebhookDeliveries } from '../alerts/webhook-deliveries.js';
import { UnpricedUsage } from '../corrections/unpriced-usage.js';
import { GrantExpiry } from '../credits/grant-expiry.js';
import { HourlyPosting } from '../credits/hourly-posting.js';
import { IdentityPruning } from '../metering/identity-pruning.js';
import { UsageMonths } from '../metering/usage-months.js';
import { DailyRollUps } from '../periods/daily-roll-ups.js';
import { PeriodClose } from '../periods/period-close.js';
import { OutputSampling } from '../quota/output-sampling.js';

type Find = <T>(service: Type<T>) => T;

export type Schedule = {
  /** Seconds first, in UTC. */
  readonly pattern: string;
  /** Returns how many rows it changed. */
  readonly run: (find: Find) => Promise<number>;
};

/** The names are those of BullMQ's schedulers in Redis: a name that is changed leaves the old schedule behind. */
export const SCHEDULES: Readonly<Record<string, Schedule>> = {
  'post-closed-hours': at('30 1 * * * *', HourlyPosting, (posting) => posting.post()),
  'expire-grants': at('0 * * * * *', GrantExpiry, (expiry) => expiry.expire()),
  'make-months': at('10 */5 * * * *', UsageMonths, (months) => months.ensure()),
  'charge-unpriced': at('15 */5 * * * *', UnpricedUsage, (unpriced) => unpriced.charge()),
  'close-periods': at('0 5 * * * *', PeriodClose, (periods) => periods.closePeriods()),
  'roll-up-days': at('40 * * * * *', DailyRollUps, (days) => days.build()),
  'prune-identities': at('0 20 4 * * *', IdentityPruning, (identities) => identities.prune()),
  'prune-answers': at('0 30 4 * * *', IdempotencyPruning, (idempotency) => idempotency.prune()),
  'sample-outputs': at('45 */5 * * * *', OutputSampling, (outputs) => outputs.sample()),
  'fire-spend-alerts': at('20 * * * * *', SpendAlertFiring, (alerts) => alerts.fire()),
  'deliver-webhooks': at('*/5 * * * * *', WebhookDeliveries, (webhooks) => webhooks.deliver()),
  'sweep-webhooks': at('0 40 4 * * *', WebhookDeliveries, (webhooks) => webhooks.prune()),
};

function at<T>(pattern: string, service: Type<T>, run: (service: T) => Promise<number>): Schedule {
  return { pattern, run: (find) => run(find(service)) };
}
