/** Admins: what waits on the usage queues. */
import { Controller } from '@nestjs/common';
import { Route } from '../http/route.js';
import { togetherOf } from '../platform/queues.js';
import { QueueOverviews } from './queue-overview.js';
import * as schemas from './queue.schema.js';

@Controller()
export class QueueController {
  constructor(private readonly overviews: QueueOverviews) {}

  @Route('GET /v1/admin/queue', {
    scope: 'all',
    role: 'admin',
    summary:
      'What waits on the usage queues: how much, since when, by shard and by entity with the most waiting',
    answers: schemas.QueueState,
  })
  async look(): Promise<schemas.QueueState> {
    const { queues, entities, isSampled } = await this.overviews.look();
    const { isPaused: paused, oldestSeconds: oldest_seconds, ...sums } = togetherOf(queues);
    return {
      object: 'queue',
      ...sums,
      paused,
      paused_jobs: queues.reduce((sum, { pausedJobs }) => sum + pausedJobs, 0),
      oldest_seconds,
      shards: queues.map(({ isPaused, pausedJobs, oldestSeconds, ...counts }) => ({
        ...counts,
        paused: isPaused,
        paused_jobs: pausedJobs,
        oldest_seconds: oldestSeconds,
      })),
      entities: entities.map(({ entity, events }) => ({ entity, waiting_events: events })),
      entities_sampled: isSampled,
    };
  }
}
