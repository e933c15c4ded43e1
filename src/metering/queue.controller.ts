/** Admins: what waits on the usage queues. */
import { Controller } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Route } from '../http/route.js';
import { Clock } from '../platform/clock.js';
import { togetherOf, UsageQueue } from '../platform/queues.js';
import { QueueOverviews } from './queue-overview.js';
import * as schemas from './queue.schema.js';

@Controller()
export class QueueController {
  constructor(
    private readonly overviews: QueueOverviews,
    private readonly usageQueue: UsageQueue,
    private readonly changes: Changes,
    private readonly clock: Clock,
  ) {}

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

  @Route('POST /v1/admin/queue/pause', {
    scope: 'all',
    role: 'admin',
    summary:
      'Stop counting: workers finish what they are at, and usage waits in the queues until they are resumed',
    answers: schemas.QueueState,
    idempotent: true,
  })
  pause(@Call() call: ChangeCall): Promise<schemas.QueueState> {
    return this.setPaused(call, true);
  }

  @Route('POST /v1/admin/queue/resume', {
    scope: 'all',
    role: 'admin',
    summary: 'Go on counting: what has waited is taken, oldest first',
    answers: schemas.QueueState,
    idempotent: true,
  })
  resume(@Call() call: ChangeCall): Promise<schemas.QueueState> {
    return this.setPaused(call, false);
  }

  /** Redis first, so that the audit log has only what was done. Pausing twice does no harm. */
  private async setPaused(call: ChangeCall, paused: boolean): Promise<schemas.QueueState> {
    const { paused: wasPaused } = await this.look();
    if (!(await this.changes.isRepetition(call))) await this.usageQueue.setPaused(paused);
    const after = await this.look();
    return this.changes.make(call, [], async (tx) => {
      await insertAuditEntry(tx, {
        at: await this.clock.bookingTime(tx),
        actor: call.principal.keyId,
        action: paused ? 'queue.pause' : 'queue.resume',
        entity: null,
        target: null,
        before: { paused: wasPaused },
        after: { paused },
      });
      return after;
    });
  }
}
