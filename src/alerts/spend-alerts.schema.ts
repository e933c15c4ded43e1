/** Spend alerts in OpenAI's shape. */
import { z } from 'zod';
import { afterText, integer, pageLimit, pageOrder, projectName, text } from '../http/fields.js';
import { channel, channelOrder, undeliverable } from './alert-channel.schema.js';
import { listOf } from '../http/lists.schema.js';
import { CENTS_MAX, currency, interval } from '../accounts/spend-limits.schema.js';

export const AlertPath = z.object({ alert: text(64) });
export const ProjectAlertsPath = z.object({ project: projectName });
export const ProjectAlertPath = z.object({ project: projectName, alert: text(64) });

export const SpendAlertOrder = z
  .strictObject({
    threshold_amount: integer(1, CENTS_MAX).describe('Cents per month'),
    currency: currency.default('USD'),
    interval: interval.default('month'),
    notification_channel: channelOrder,
  })
  .meta({
    id: 'SpendAlertOrder',
    example: { threshold_amount: 100_000, currency: 'USD', interval: 'month' },
  });
export type SpendAlertOrder = z.output<typeof SpendAlertOrder>;

export const SpendAlertPage = z.strictObject({
  limit: pageLimit,
  after: afterText,
  before: afterText.describe('The first_id of the next page'),
  order: pageOrder,
});
export type SpendAlertPage = z.output<typeof SpendAlertPage>;

export const SpendAlert = z
  .object({
    id: z.string(),
    object: z.enum(['organization.spend_alert', 'project.spend_alert']),
    threshold_amount: z.int(),
    currency,
    interval,
    notification_channel: channel,
    undeliverable,
  })
  .meta({
    id: 'SpendAlert',
    example: {
      id: 'alert_3J9dX0aTq7mVwYbR5cKeLs',
      object: 'organization.spend_alert',
      threshold_amount: 100000,
      currency: 'USD',
      interval: 'month',
      notification_channel: { type: 'email', recipients: [], subject_prefix: null },
      undeliverable: null,
    },
  });
export type SpendAlert = z.output<typeof SpendAlert>;

export const SpendAlertList = listOf(SpendAlert).meta({ id: 'SpendAlertList' });

export const DeletedSpendAlert = z
  .object({
    id: z.string(),
    object: z.enum(['organization.spend_alert.deleted', 'project.spend_alert.deleted']),
    deleted: z.literal(true),
  })
  .meta({ id: 'DeletedSpendAlert' });
export type DeletedSpendAlert = z.output<typeof DeletedSpendAlert>;
