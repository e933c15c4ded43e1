/** Usage over HTTP: one event or up to 1,000, and the receipt. */
import { z } from 'zod';
import { USAGE_EVENT_TYPE, USAGE_EVENTS_MAX, type UsageReceipt as Receipt } from '@tally/client/protocol';
import { usageEventSchema } from './event-validation.js';
import { showAs } from '../http/shown-schema.js';

const COUNT = `must be one event, or an array of 1 to ${USAGE_EVENTS_MAX}`;

/** Events are validated one by one later, so that a bad one refuses no other. */
export const UsageReport = showAs(
  z
    .union([z.array(z.unknown()).min(1).max(USAGE_EVENTS_MAX), z.looseObject({})], { error: COUNT })
    .transform((body): readonly unknown[] => (Array.isArray(body) ? body : [body])),
  z
    .union([usageEventSchema, z.array(usageEventSchema).min(1).max(USAGE_EVENTS_MAX)])
    .meta({ id: 'UsageReport' }),
);
export type UsageReport = z.output<typeof UsageReport>;

/** For the API's document: events are taken for 35 days. */
export function usageEventAt(at: Date) {
  return {
    specversion: '1.0',
    id: 'chatcmpl-8f2c',
    source: '/gateways/eu-1',
    type: USAGE_EVENT_TYPE,
    subject: 'entity1/project1',
    time: at.toISOString(),
    data: {
      model: 'cw_meta-llama_Llama-3.3-70B-Instruct',
      operation: 'chat',
      usage: {
        prompt_tokens: 812,
        completion_tokens: 204,
        total_tokens: 1016,
        prompt_tokens_details: { cached_tokens: 512 },
        completion_tokens_details: { reasoning_tokens: 64 },
      },
      request_id: 'req_1',
      user_id: 'u_9',
      api_key_id: 'key_7',
      usage_source: 'reported',
      tags: { team: 'search' },
    },
  };
}

export const UsageReceipt = z
  .object({
    object: z.literal('usage.receipt'),
    accepted: z.int(),
    rejected: z.array(
      z
        .object({ index: z.int(), id: z.string().nullable(), code: z.string(), message: z.string() })
        .meta({ id: 'RejectedEvent' }),
    ),
  })
  .meta({
    id: 'UsageReceipt',
    example: { object: 'usage.receipt', accepted: 1, rejected: [] },
  }) satisfies z.ZodType<Receipt>;
