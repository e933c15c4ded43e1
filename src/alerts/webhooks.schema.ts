/** Webhooks and their deliveries in requests and answers. */
import { z } from 'zod';
import { afterText, entityName, integer, listOrder, pageLimit, pageOrder, text } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

const URL_CHARACTERS_MAX = 2_048;
const OVERLAP_SECONDS_MAX = 7 * 86_400;
const OVERLAP_SECONDS_DEFAULT = 86_400;
const STATUS = 'must be pending, delivered or failed';

export const WebhookPath = z.object({ id: text(64).meta({ example: 'hook_9aXkQ2mZr0TbLw8YcVdN1e' }) });
export const DeliveryPath = WebhookPath.extend({ delivery: text(128) });
export type DeliveryPath = z.output<typeof DeliveryPath>;

export const WebhookPage = z.strictObject({
  limit: pageLimit,
  after: afterText,
  order: listOrder('asc', 'By time: `asc` is oldest first'),
});
export type WebhookPage = z.output<typeof WebhookPage>;

export const DeliveryStatus = z
  .enum(['pending', 'delivered', 'failed'], STATUS)
  .meta({ id: 'DeliveryStatus' });

export const DeliveryPage = z.strictObject({
  order: pageOrder,
  limit: pageLimit,
  after: afterText,
  status: DeliveryStatus.optional(),
});
export type DeliveryPage = z.output<typeof DeliveryPage>;

export const WebhookOrder = z
  .strictObject({
    url: text(URL_CHARACTERS_MAX)
      .describe('http or https, at a public address unless the service allows others')
      .meta({ format: 'uri', example: 'https://example.com/hooks/tally' }),
    entity: entityName
      .nullish()
      .describe('The only entity whose alerts it receives; null: all, or with a key that is bound its own'),
  })
  .meta({ id: 'WebhookOrder', example: { url: 'https://example.com/hooks/tally' } });
export type WebhookOrder = z.output<typeof WebhookOrder>;

export const RotationOrder = z
  .strictObject({
    overlap_seconds: integer(0, OVERLAP_SECONDS_MAX)
      .default(OVERLAP_SECONDS_DEFAULT)
      .describe('How long deliveries are signed with the previous secret too'),
  })
  .meta({ id: 'WebhookRotationOrder', example: { overlap_seconds: OVERLAP_SECONDS_DEFAULT } });
export type RotationOrder = z.output<typeof RotationOrder>;

const breaker = z
  .object({
    state: z
      .enum(['closed', 'open', 'half_open'])
      .meta({ id: 'BreakerState' })
      .describe(
        'open: after three failures in a row nothing is sent until `probe_at`; half_open: the next delivery is the probe; one that is accepted closes it',
      ),
    failures: z.int().describe('In a row'),
    probe_at: z.int().nullable(),
  })
  .meta({ id: 'WebhookBreaker' });

const EXAMPLE = {
  object: 'webhook' as const,
  id: 'hook_3J9dX0aTq7mVwYbR5cKeLs',
  url: 'https://example.com/hooks/tally',
  entity: null,
  created_at: 1764547200,
  rotated_at: null,
  previous_secret_until: null,
  breaker: { state: 'closed' as const, failures: 0, probe_at: null },
};

export const Webhook = z
  .object({
    object: z.literal('webhook'),
    id: z.string(),
    url: z.string(),
    entity: z.string().nullable(),
    created_at: z.int(),
    rotated_at: z.int().nullable(),
    previous_secret_until: z.int().nullable().describe('Until then each message has two signatures'),
    breaker,
  })
  .meta({
    id: 'Webhook',
    example: { ...EXAMPLE, breaker: { ...EXAMPLE.breaker, failures: 2 } },
  });
export type Webhook = z.output<typeof Webhook>;

export const NewWebhook = Webhook.extend({
  secret: z.string().describe('Signs by Standard Webhooks; shown only this once'),
}).meta({
  id: 'NewWebhook',
  example: { ...EXAMPLE, secret: 'whsec_f4iBK+tyvzc6jp0tY72y7afvJxYqb5QBcLv1SIxn9EM=' },
});
export type NewWebhook = z.output<typeof NewWebhook>;
export const WebhookList = listOf(Webhook).meta({ id: 'WebhookList' });
export const DeletedWebhook = z
  .object({ object: z.literal('webhook.deleted'), id: z.string(), deleted: z.literal(true) })
  .meta({ id: 'DeletedWebhook' });

export const DeliveryAttempt = z
  .object({
    at: z.int(),
    status: z.int().nullable().describe("The receiver's; null where it gave none"),
    error: z.string().nullable(),
    duration_ms: z.int(),
  })
  .meta({ id: 'DeliveryAttempt' });
export type DeliveryAttempt = z.output<typeof DeliveryAttempt>;

export const WebhookDelivery = z
  .object({
    object: z.literal('webhook.delivery'),
    id: z.string(),
    webhook: z.string(),
    event: z.string().describe('The header `webhook-id`, the same in every attempt and for every webhook'),
    type: z.string(),
    entity: z.string().nullable(),
    status: DeliveryStatus,
    created_at: z.int(),
    next_attempt_at: z.int().nullable().describe('Null unless it is pending'),
    attempts: z.array(DeliveryAttempt).describe('The newest twenty, oldest first'),
    body: z.string().describe('What was sent and signed'),
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDelivery = z.output<typeof WebhookDelivery>;

export const WebhookDeliveryList = listOf(WebhookDelivery).meta({ id: 'WebhookDeliveryList' });
