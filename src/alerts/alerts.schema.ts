/** Alerts of other kinds than spend, in requests and answers. */
import { z } from 'zod';
import { afterText, integer, pageLimit, pageOrder, positiveUsd, projectName, text } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { channel, channelOrder, undeliverable } from './alert-channel.schema.js';

const DAYS_MAX = 90;
const SECONDS_MIN = 10;
const SECONDS_MAX = 86_400;
const CAP = 'must be monthly or yearly';
const KINDS = 'low_balance, credits_running_out, cap_share, unpriced_usage, unread_fields';

export const AnAlertPath = z.object({ alert: text(64) });

export const AlertPage = z.strictObject({ limit: pageLimit, after: afterText, order: pageOrder });
export type AlertPage = z.output<typeof AlertPage>;

const notification_channel = channelOrder;
export const capKind = z.enum(['monthly', 'yearly'], CAP).meta({ id: 'CapKind' });

const lowBalance = z
  .strictObject({
    kind: z.literal('low_balance'),
    below_usd: positiveUsd.describe('Fires when the credits are below this; again once they were above'),
    notification_channel,
  })
  .meta({ id: 'LowBalanceAlertOrder' });
const runningOut = z
  .strictObject({
    kind: z.literal('credits_running_out'),
    within_days: integer(1, DAYS_MAX).describe('At the pace of the last seven days'),
    notification_channel,
  })
  .meta({ id: 'CreditsRunningOutAlertOrder' });
const capShare = z.strictObject({
  kind: z.literal('cap_share'),
  share_percent: integer(1, 100),
  cap: capKind.default('monthly'),
  notification_channel,
});
const unpriced = z
  .strictObject({ kind: z.literal('unpriced_usage'), notification_channel })
  .meta({ id: 'UnpricedUsageAlertOrder' });
const unread = z
  .strictObject({ kind: z.literal('unread_fields'), notification_channel })
  .meta({ id: 'UnreadFieldsAlertOrder' });
const queueLate = z
  .strictObject({
    kind: z.literal('queue_late'),
    older_than_seconds: integer(SECONDS_MIN, SECONDS_MAX).describe('How long the oldest usage has waited'),
    notification_channel,
  })
  .meta({ id: 'QueueLateAlertOrder' });

const example = { kind: 'low_balance', below_usd: '50' };

export const AlertOrder = z
  .discriminatedUnion(
    'kind',
    [
      lowBalance,
      runningOut,
      capShare
        .extend({ project: projectName.nullish().describe('Null: the cap of the organization') })
        .refine(({ cap, project }) => cap === 'monthly' || project == null, {
          path: ['cap'],
          message: 'must be monthly where a project is named: projects have no other cap',
        })
        .meta({ id: 'CapShareAlertOrder' }),
      unpriced,
      unread,
    ],
    `must be one of ${KINDS}`,
  )
  .meta({ id: 'AlertOrder', example });
export type AlertOrder = z.output<typeof AlertOrder>;

export const ServiceAlertOrder = z
  .discriminatedUnion(
    'kind',
    [lowBalance, runningOut, capShare.meta({ id: 'ServiceCapShareAlertOrder' }), unpriced, unread, queueLate],
    `must be one of ${KINDS}, queue_late`,
  )
  .meta({ id: 'ServiceAlertOrder', example: { kind: 'queue_late', older_than_seconds: 60 } });
export type ServiceAlertOrder = z.output<typeof ServiceAlertOrder>;

export const AlertKindName = z
  .enum(['low_balance', 'credits_running_out', 'cap_share', 'unpriced_usage', 'unread_fields', 'queue_late'])
  .meta({ id: 'AlertKind' });

export const Alert = z
  .object({
    object: z.literal('alert'),
    id: z.string(),
    entity: z.string().nullable().describe('Null watches all entities'),
    kind: AlertKindName,
    project: z.string().nullable(),
    below_usd: z.string().nullable(),
    within_days: z.int().nullable(),
    cap: capKind.nullable(),
    share_percent: z.int().nullable(),
    older_than_seconds: z.int().nullable(),
    notification_channel: channel,
    undeliverable,
    created_at: z.int(),
  })
  .meta({
    id: 'Alert',
    example: {
      object: 'alert',
      id: 'alert_3J9dX0aTq7mVwYbR5cKeLs',
      entity: 'entity1',
      kind: 'low_balance',
      project: null,
      below_usd: '50',
      within_days: null,
      cap: null,
      share_percent: null,
      older_than_seconds: null,
      notification_channel: { type: 'email', recipients: [], subject_prefix: null },
      undeliverable: null,
      created_at: 1764547200,
    },
  });
export type Alert = z.output<typeof Alert>;

export const AlertList = listOf(Alert).meta({ id: 'AlertList' });

export const DeletedAlert = z
  .object({ object: z.literal('alert.deleted'), id: z.string(), deleted: z.literal(true) })
  .meta({ id: 'DeletedAlert' });
