/** Webhooks in requests and answers. */
import { z } from 'zod';
import { entityName, text } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

const URL_CHARACTERS_MAX = 2_048;

export const WebhookPath = z.object({ id: text(64) });

export const WebhookOrder = z
  .strictObject({
    url: text(URL_CHARACTERS_MAX).describe(
      'http or https, at a public address unless the service allows others',
    ),
    entity: entityName.nullish().describe('The only entity whose alerts it receives; null: all'),
  })
  .meta({ id: 'WebhookOrder' });
export type WebhookOrder = z.output<typeof WebhookOrder>;

export const Webhook = z
  .object({
    object: z.literal('webhook'),
    id: z.string(),
    url: z.string(),
    entity: z.string().nullable(),
    created_at: z.int(),
  })
  .meta({ id: 'Webhook' });
export type Webhook = z.output<typeof Webhook>;

export const NewWebhook = Webhook.extend({
  secret: z.string().describe('Signs by Standard Webhooks; shown only this once'),
}).meta({ id: 'NewWebhook' });
export const WebhookList = listOf(Webhook).meta({ id: 'WebhookList' });
export const DeletedWebhook = z
  .object({ object: z.literal('webhook.deleted'), id: z.string(), deleted: z.literal(true) })
  .meta({ id: 'DeletedWebhook' });
