/** Runs the clock's work as BullMQ schedules. Every job may run twice, late, or on two workers at once. */
import { InjectQueue, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Job, Queue } from 'bullmq';
import { GrantExpiry } from '../credits/grant-expiry.js';
import { HourlyPosting } from '../credits/hourly-posting.js';
import { Logger } from '../platform/logger.js';
import { isOutage } from '../platform/outage.js';
import { UPKEEP_QUEUE } from '../platform/queues.js';
import { SpendAlertFiring } from '../alerts/spend-alert-firing.js';
import { Webhooks } from '../alerts/webhooks.js';
import { DailyRollUps } from '../periods/daily-roll-ups.js';
import { OutputSampling } from '../quota/output-sampling.js';
import { PeriodClose } from '../periods/period-close.js';
import { IdempotencyPruning } from '../access/idempotency-pruning.js';
import { IdentityPruning } from '../metering/identity-pruning.js';
import { UnpricedUsage } from '../corrections/unpriced-usage.js';

const SCHEDULES = {
  'post-closed-hours': '30 1 * * * *',
  'expire-grants': '0 * * * * *',
  'charge-unpriced': '15 */5 * * * *',
  'close-periods': '0 5 * * * *',
  'roll-up-days': '40 * * * * *',
  'prune-identities': '0 20 4 * * *',
  'prune-answers': '0 30 4 * * *',
  'sample-outputs': '45 */5 * * * *',
  'fire-spend-alerts': '20 * * * * *',
  'deliver-webhooks': '*/5 * * * * *',
  'sweep-webhooks': '0 40 4 * * *',
} as const;

type UpkeepJob = keyof typeof SCHEDULES;

/** A Redis that came back empty has forgotten the schedules; this is how long they may be missing. */
const SCHEDULES_CHECK_MS = 10_000;

@Injectable()
@Processor(UPKEEP_QUEUE)
export class UpkeepProcessor extends WorkerHost implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly work: Record<UpkeepJob, () => Promise<number>>;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @InjectQueue(UPKEEP_QUEUE) private readonly queue: Queue,
    posting: HourlyPosting,
    expiry: GrantExpiry,
    unpriced: UnpricedUsage,
    periods: PeriodClose,
    days: DailyRollUps,
    pruning: IdentityPruning,
    idempotency: IdempotencyPruning,
    outputs: OutputSampling,
    alerts: SpendAlertFiring,
    webhooks: Webhooks,
    private readonly logger: Logger,
  ) {
    super();
    queue.on('error', (error) => this.failed(error));
    this.work = {
      'post-closed-hours': () => posting.post(),
      'expire-grants': () => expiry.expire(),
      'charge-unpriced': () => unpriced.charge(),
      'close-periods': () => periods.closePeriods(),
      'roll-up-days': () => days.build(),
      'prune-identities': () => pruning.identities(),
      'prune-answers': () => idempotency.prune(),
      'sample-outputs': () => outputs.sample(),
      'fire-spend-alerts': () => alerts.fire(),
      'deliver-webhooks': () => webhooks.deliver(),
      'sweep-webhooks': () => webhooks.sweep(),
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.schedule();
    this.checkLater();
  }

  onApplicationShutdown(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Adds what is missing. One that is there keeps its next turn. */
  private async schedule(): Promise<void> {
    for (const [name, pattern] of Object.entries(SCHEDULES)) {
      const known = await this.queue.getJobScheduler(name);
      if (known?.pattern === pattern) continue;
      const options = { removeOnComplete: true, removeOnFail: 100 };
      await this.queue.upsertJobScheduler(name, { pattern, tz: 'UTC' }, { name, opts: options });
    }
  }

  private checkLater(): void {
    this.timer = setTimeout(() => {
      void this.schedule()
        .catch((error: unknown) => this.logger.error('schedules not checked', error))
        .finally(() => this.timer && this.checkLater());
    }, SCHEDULES_CHECK_MS);
  }

  /** BullMQ prints what nobody listens for. That Redis is away is told by its connection. */
  @OnWorkerEvent('error')
  failed(error: Error): void {
    if (!isOutage(error)) this.logger.error('the worker of the upkeep queue', error);
  }

  /** Its next turn makes up for it. */
  @OnWorkerEvent('failed')
  missed(job: Job | undefined, error: Error): void {
    this.logger.error('upkeep failed', error, { job: job?.name });
  }

  async process(job: Job): Promise<void> {
    const changed = await this.work[job.name as UpkeepJob]();
    if (changed > 0) this.logger.info('upkeep', { job: job.name, changed });
  }
}
