/** What webhooks are sent, for the API's document: one schema for each type of event. Receivers must expect more fields. */
import { z } from 'zod';
import { channel } from './alert-channel.schema.js';
import { capKind } from './alerts.schema.js';

const usd = z.string().describe('US dollars').meta({ example: '12.5' });
const entity = z.string();
const id = z.string().describe("The alert's");
const period = z.string().meta({ example: '2026-11' });

const EXAMPLE = { id: 'evt_9aXkQ2mZr0TbLw8YcVdN1e', timestamp: '2026-11-22T12:00:00.000Z' };

type About = { readonly name: string; readonly summary: string; readonly example: object };

/** Standard Webhooks' body, and the event's id, which is the header `webhook-id` too. */
function bodyOf<T extends string, D extends z.ZodRawShape>(
  type: T,
  { name, summary, example }: About,
  data: D,
) {
  return z
    .looseObject({
      id: z
        .string()
        .describe('The same in every attempt; another for every event')
        .meta({ example: EXAMPLE.id }),
      type: z.literal(type),
      timestamp: z.iso.datetime().meta({ example: EXAMPLE.timestamp }),
      data: z.looseObject(data).meta({ id: `${name}Data` }),
    })
    .meta({ id: name, description: summary, example: { ...EXAMPLE, type, data: example } });
}

const alert = { id, entity, notification_channel: channel };

const EXAMPLE_ALERT = {
  id: 'alert_9aXkQ2mZr0TbLw8YcVdN1e',
  entity: 'entity1',
  notification_channel: { type: 'email', recipients: ['finance@example.com'], subject_prefix: null },
};

/** By the type of the event. */
export const EVENT_BODIES = {
  'webhook.test': bodyOf(
    'webhook.test',
    {
      name: 'WebhookTestEvent',
      summary: 'Somebody asked for a test; it reports nothing',
      example: { webhook: 'hook_9aXkQ2mZr0TbLw8YcVdN1e', entity: 'entity1' },
    },
    {
      webhook: z.string(),
      entity: entity.nullable(),
    },
  ),
  'spend_alert.triggered': bodyOf(
    'spend_alert.triggered',
    {
      name: 'SpendAlertEvent',
      summary: 'The spend of a month has reached the threshold of a spend alert',
      example: {
        ...EXAMPLE_ALERT,
        project: null,
        period: '2026-11',
        threshold_usd: '1000',
        spent_usd: '1000.42',
      },
    },
    {
      ...alert,
      project: z.string().nullable(),
      period,
      threshold_usd: usd,
      spent_usd: usd,
    },
  ),
  'low_balance.triggered': bodyOf(
    'low_balance.triggered',
    {
      name: 'LowBalanceEvent',
      summary: 'The credits have fallen below an amount',
      example: { ...EXAMPLE_ALERT, credits_usd: '49.1', below_usd: '50' },
    },
    {
      ...alert,
      credits_usd: usd,
      below_usd: usd,
    },
  ),
  'credits_running_out.triggered': bodyOf(
    'credits_running_out.triggered',
    {
      name: 'CreditsRunningOutEvent',
      summary: 'At the pace of the last seven days the credits will be gone within some days',
      example: { ...EXAMPLE_ALERT, credits_usd: '30', spent_last_7_days_usd: '70', within_days: 7 },
    },
    {
      ...alert,
      credits_usd: usd,
      spent_last_7_days_usd: usd,
      within_days: z.int(),
    },
  ),
  'cap_share.triggered': bodyOf(
    'cap_share.triggered',
    {
      name: 'CapShareEvent',
      summary: 'The spend has reached a share of a cap',
      example: {
        ...EXAMPLE_ALERT,
        project: null,
        period: '2026-11',
        cap: 'monthly',
        share_percent: 80,
        spent_usd: '801.2',
        cap_usd: '1000',
      },
    },
    {
      ...alert,
      project: z.string().nullable(),
      period: z.string().describe('A month, or with a yearly cap a year').meta({ example: '2026-11' }),
      cap: capKind,
      share_percent: z.int(),
      spent_usd: usd,
      cap_usd: usd,
    },
  ),
  'unpriced_usage.triggered': bodyOf(
    'unpriced_usage.triggered',
    {
      name: 'UnpricedUsageEvent',
      summary: 'Usage arrived of a model that has no price',
      example: { ...EXAMPLE_ALERT, model: 'acme-chat-1' },
    },
    {
      ...alert,
      model: z.string(),
    },
  ),
  'unread_fields.triggered': bodyOf(
    'unread_fields.triggered',
    {
      name: 'UnreadFieldsEvent',
      summary: 'Usage has a field with a count that nothing reads',
      example: { ...EXAMPLE_ALERT, field: 'prompt_tokens_details.video_tokens' },
    },
    {
      ...alert,
      field: z.string(),
    },
  ),
  'queue_late.triggered': bodyOf(
    'queue_late.triggered',
    {
      name: 'QueueLateEvent',
      summary: 'The oldest usage in the queue has waited for too long',
      example: { ...EXAMPLE_ALERT, entity: null, oldest_seconds: 75, older_than_seconds: 60 },
    },
    {
      ...alert,
      entity: z.null(),
      oldest_seconds: z.int(),
      older_than_seconds: z.int(),
    },
  ),
} as const;
