/** Admins: what waits on the usage queues. */
import { Controller } from '@nestjs/common';
import { Route } from '../http/route.js';
import { QueueOverviews, type QueueLook } from './queue-overview.js';
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
    const sum = (of: (each: QueueLook) => number): number =>
      queues.reduce((total, each) => total + of(each), 0);
    const ages = queues.flatMap(({ oldestSeconds }) => oldestSeconds ?? []);
    return {
      object: 'queue',
      waiting: sum(({ waiting }) => waiting),
      delayed: sum(({ delayed }) => delayed),
      active: sum(({ active }) => active),
      failed: sum(({ failed }) => failed),
      paused: queues.some(({ isPaused }) => isPaused),
      paused_jobs: sum(({ pausedJobs }) => pausedJobs),
      oldest_seconds: ages.length === 0 ? null : Math.max(...ages),
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
