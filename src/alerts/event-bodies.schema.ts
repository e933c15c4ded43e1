/** What webhooks are sent, for the API's document: one schema for each type of event. Receivers must expect more fields. */
import { z } from 'zod';
import { channel } from './alert-channel.schema.js';

const usd = z.string().describe('US dollars').meta({ example: '12.5' });
const entity = z.string();
const id = z.string().describe("The alert's");
const period = z.string().meta({ example: '2026-11' });

const EXAMPLE = { id: 'evt_9aXkQ2mZr0TbLw8YcVdN1e', timestamp: '2026-11-22T12:00:00.000Z' };

/** Standard Webhooks' body, and the event's id, which is the header `webhook-id` too. */
function bodyOf<T extends string, D extends z.ZodRawShape>(type: T, name: string, data: D) {
  return z
    .looseObject({
      id: z
        .string()
        .describe('The same in every attempt; another for every event')
        .meta({ example: EXAMPLE.id }),
      type: z.literal(type),
      timestamp: z.iso.datetime().meta({ example: EXAMPLE.timestamp }),
      data: z.looseObject(data),
    })
    .meta({ id: name });
}

const alert = { id, entity, notification_channel: channel };

/** By the type of the event. */
export const EVENT_BODIES = {
  'webhook.test': bodyOf('webhook.test', 'WebhookTestEvent', {
    webhook: z.string(),
    entity: entity.nullable(),
  }),
  'spend_alert.triggered': bodyOf('spend_alert.triggered', 'SpendAlertEvent', {
    ...alert,
    project: z.string().nullable(),
    period,
    threshold_usd: usd,
    spent_usd: usd,
  }),
  'low_balance.triggered': bodyOf('low_balance.triggered', 'LowBalanceEvent', {
    ...alert,
    credits_usd: usd,
    below_usd: usd,
  }),
  'credits_running_out.triggered': bodyOf('credits_running_out.triggered', 'CreditsRunningOutEvent', {
    ...alert,
    credits_usd: usd,
    spent_last_7_days_usd: usd,
    within_days: z.int(),
  }),
  'cap_share.triggered': bodyOf('cap_share.triggered', 'CapShareEvent', {
    ...alert,
    project: z.string().nullable(),
    period: z.string().describe('A month, or with a yearly cap a year').meta({ example: '2026-11' }),
    cap: z.enum(['monthly', 'yearly']),
    share_percent: z.int(),
    spent_usd: usd,
    cap_usd: usd,
  }),
  'unpriced_usage.triggered': bodyOf('unpriced_usage.triggered', 'UnpricedUsageEvent', {
    ...alert,
    model: z.string(),
  }),
  'unread_fields.triggered': bodyOf('unread_fields.triggered', 'UnreadFieldsEvent', {
    ...alert,
    field: z.string(),
  }),
  'queue_late.triggered': bodyOf('queue_late.triggered', 'QueueLateEvent', {
    ...alert,
    entity: z.null(),
    oldest_seconds: z.int(),
    older_than_seconds: z.int(),
  }),
} as const;
