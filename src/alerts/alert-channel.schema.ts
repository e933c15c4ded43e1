/** Whom an alert mails to, in requests and answers. */
import { z } from 'zod';
import { text } from '../http/fields.js';

const RECIPIENTS_MAX = 50;
const RECIPIENTS = `must have at most ${RECIPIENTS_MAX} e-mail addresses, each once`;
const ADDRESS = 'must be an e-mail address';
const ADDRESS_CHARACTERS_MAX = 254;

export const channelOrder = z
  .strictObject({
    type: z.literal('email', 'must be email').default('email'),
    recipients: z
      .array(z.email(ADDRESS).max(ADDRESS_CHARACTERS_MAX, ADDRESS), RECIPIENTS)
      .max(RECIPIENTS_MAX, RECIPIENTS)
      .refine((all) => new Set(all.map((one) => one.toLowerCase())).size === all.length, RECIPIENTS)
      .default([])
      .describe('Refused where the service can send no mail; webhooks receive the alert in any case'),
    subject_prefix: text(256).nullish(),
  })
  .prefault({})
  .meta({ id: 'NotificationChannelOrder' });

export const channel = z
  .object({
    type: z.literal('email'),
    recipients: z.array(z.string()),
    subject_prefix: z.string().nullable(),
  })
  .meta({ id: 'NotificationChannel' });

export const undeliverable = z
  .string()
  .nullable()
  .describe('Why nobody, or not everybody, is told; null where all are');
