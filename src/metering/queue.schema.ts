/** The state of the usage queues. */
import { z } from 'zod';

const counts = {
  waiting: z.int().describe('Jobs that no worker has taken, of up to 1,000 events each'),
  delayed: z.int().describe('Of these, jobs that wait for another try'),
  active: z.int().describe('Jobs that a worker is at'),
  failed: z.int(),
  paused: z.boolean(),
  paused_jobs: z
    .int()
    .describe('Jobs in the list of a queue that BullMQ 5 paused; they are taken once nothing is paused'),
  oldest_seconds: z.int().nullable().describe('Since the oldest job that waits was added'),
};

export const QueueState = z
  .object({
    object: z.literal('queue'),
    ...counts,
    shards: z.array(z.object({ name: z.string(), ...counts }).meta({ id: 'QueueShard' })),
    entities: z
      .array(
        z.object({ entity: z.string().nullable(), waiting_events: z.int() }).meta({ id: 'WaitingEntity' }),
      )
      .describe('With the most events that wait, at most 20; null is what names nobody'),
    entities_sampled: z.boolean().describe('True where only the oldest and the newest jobs were looked at'),
  })
  .meta({ id: 'QueueState' });
export type QueueState = z.output<typeof QueueState>;
