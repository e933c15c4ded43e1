/** What waits for a person. */
import { z } from 'zod';

const Waiting = z
  .object({
    count: z.int(),
    has_more: z.boolean().describe('There are more than were counted'),
    oldest_at: z.int().nullable(),
  })
  .meta({ id: 'InboxWaiting' });

const DeadLetters = Waiting.extend({
  codes: z
    .array(z.object({ code: z.string(), count: z.int() }).meta({ id: 'InboxDeadLetterCode' }))
    .describe('By reason, most first'),
}).meta({ id: 'InboxDeadLetters' });

const unpricedModels = z
  .object({
    count: z.int(),
    data: z.array(
      z
        .object({
          model: z.string(),
          entities: z.int(),
          events: z
            .int()
            .describe('That wait for a price; of one customer and project at most 1,000 are counted'),
        })
        .meta({ id: 'InboxUnpricedModel' }),
    ),
  })
  .meta({ id: 'InboxUnpricedModels' });

const unreadFields = z
  .object({
    count: z.int(),
    since: z.int(),
    data: z
      .array(
        z.object({ field: z.string(), model: z.string(), events: z.int() }).meta({ id: 'InboxUnreadField' }),
      )
      .describe('Fields of usage that no shape knows, of the newest 1,000 events that have any'),
  })
  .meta({ id: 'InboxUnreadFields' });

const failingWebhooks = z
  .object({
    count: z.int(),
    data: z.array(
      z
        .object({
          id: z.string(),
          url: z.string(),
          failures: z.int().describe('Attempts since the last that was accepted'),
        })
        .meta({ id: 'InboxFailingWebhook' }),
    ),
  })
  .meta({ id: 'InboxFailingWebhooks' });

const reconciliation = z
  .object({
    job: z.string(),
    at: z.int(),
    ok: z.boolean(),
    checks: z.array(z.string()).describe('Those that found differences'),
  })
  .meta({ id: 'InboxReconciliation' });

const queue = z
  .object({
    waiting: z.int(),
    failed: z.int(),
    paused: z.boolean(),
    oldest_seconds: z.int().nullable().describe('How long the oldest job has waited'),
    late: z.boolean().describe('The oldest has waited for more than a minute'),
  })
  .meta({ id: 'InboxQueue' });

export const Inbox = z
  .object({
    object: z.literal('inbox'),
    as_of: z.int(),
    count: z.int().describe('How many of the things below want somebody to look'),
    dead_letters: DeadLetters.describe('Events that could not be counted and are open'),
    conflicts: Waiting.describe('Events that came again with other content, and were not reviewed'),
    failed_jobs: Waiting.describe('Of the last seven days'),
    unpriced_models: unpricedModels,
    unread_fields: unreadFields,
    failing_webhooks: failingWebhooks,
    reconciliation: reconciliation.nullable().describe('The last one; null where there was none'),
    queue: queue.nullable().describe("Null while the queue's Redis is unavailable"),
  })
  .meta({ id: 'Inbox' });
export type Inbox = z.output<typeof Inbox>;
