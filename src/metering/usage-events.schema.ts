/** Usage over HTTP: one event or up to 1,000, and the receipt. */
import { z } from 'zod';
import { USAGE_EVENTS_MAX, type UsageReceipt as Receipt } from '@tally/client/protocol';
import { usageEventSchema } from './event-validation.js';
import { showAs } from '../http/shown-schema.js';

const COUNT = `must be one event, or an array of 1 to ${USAGE_EVENTS_MAX}`;

/** Events are validated one by one later, so that a bad one refuses no other. */
export const UsageReport = showAs(
  z
    .union([z.array(z.unknown()).min(1).max(USAGE_EVENTS_MAX), z.looseObject({})], { error: COUNT })
    .transform((body): readonly unknown[] => (Array.isArray(body) ? body : [body])),
  z.union([usageEventSchema, z.array(usageEventSchema).min(1).max(USAGE_EVENTS_MAX)]),
);
export type UsageReport = z.output<typeof UsageReport>;

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
  .meta({ id: 'UsageReceipt' }) satisfies z.ZodType<Receipt>;
