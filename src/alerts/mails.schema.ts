/** Mails of alerts in answers. */
import { z } from 'zod';
import { listOf } from '../http/lists.schema.js';
import { DeliveryAttempt, DeliveryPage, DeliveryStatus } from './webhooks.schema.js';

export const MailPage = DeliveryPage;
export type MailPage = z.output<typeof MailPage>;

export const MailDelivery = z
  .object({
    object: z.literal('mail.delivery'),
    id: z.string(),
    event: z.string(),
    type: z.string(),
    entity: z.string().nullable(),
    recipient: z.string(),
    subject: z.string(),
    body: z.string(),
    status: DeliveryStatus,
    created_at: z.int(),
    next_attempt_at: z.int().nullable().describe('Null unless it is pending'),
    attempts: z
      .array(DeliveryAttempt)
      .describe("The newest twenty, oldest first; `status` is the mail server's, where it refused"),
  })
  .meta({ id: 'MailDelivery' });
export type MailDelivery = z.output<typeof MailDelivery>;

export const MailDeliveryList = listOf(MailDelivery).meta({ id: 'MailDeliveryList' });
