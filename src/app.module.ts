/** All the wiring, on one page: what the two roles are made of. */
import { BullModule } from '@nestjs/bullmq';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { APP_GUARD, APP_PIPE, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Redis } from 'ioredis';
import type { Config } from './config.js';
import { CreditsService } from './credits/credits.service.js';
import { UpkeepService } from './credits/upkeep.service.js';
import { ActivityController } from './http/activity.controller.js';
import { ApiKeys } from './http/api-keys.service.js';
import { AuthGuard } from './http/auth.guard.js';
import { BalancesController } from './http/balances.controller.js';
import { Changes } from './http/changes.service.js';
import { ConflictsController } from './http/conflicts.controller.js';
import { CorrectionsController } from './http/corrections.controller.js';
import { CostsController } from './http/costs.controller.js';
import { CreditsController } from './http/credits.controller.js';
import { DashboardController } from './http/dashboard.controller.js';
import { DirectDoor } from './http/direct.js';
import { ApiDocument, DocsController } from './http/docs.controller.js';
import { EntitiesController } from './http/entities.controller.js';
import { ErrorFilter } from './http/error.filter.js';
import { ExportsController } from './http/exports.controller.js';
import { fastifyAdapter } from './http/fastify.js';
import { KeysController } from './http/keys.controller.js';
import { describeApi } from './http/openapi.js';
import { LeasesController } from './http/leases.controller.js';
import { OperationsController } from './http/operations.controller.js';
import { PlansController } from './http/plans.controller.js';
import { PricesController } from './http/prices.controller.js';
import { QuotaController } from './http/quota.controller.js';
import { Readiness } from './http/readiness.service.js';
import { ReviewController } from './http/review.controller.js';
import { SchemaPipe } from './http/schema.pipe.js';
import { SpendAlertsController } from './http/spend-alerts.controller.js';
import { SpendLimitController } from './http/spend-limit.controller.js';
import { StatementsController } from './http/statements.controller.js';
import { UsageController } from './http/usage.controller.js';
import { UsageEventsController } from './http/usage-events.controller.js';
import { WebhooksController } from './http/webhooks.controller.js';
import { Clock } from './infra/clock.js';
import { Logger, NestLogger } from './infra/logger.js';
import { Metrics } from './infra/metrics.js';
import { UPKEEP_QUEUE, UsageQueue } from './infra/queues.js';
import { QUOTA_REDIS } from './infra/redis.js';
import { WebhookSender } from './infra/webhook-sender.js';
import { BatchWriter } from './ingest/batch-writer.js';
import { UpkeepProcessor } from './ingest/upkeep.processor.js';
import { UsageProcessor } from './ingest/usage.processor.js';
import { LimitsService } from './quota/limits.service.js';
import { PriceSource } from './quota/price-source.js';
import { Strangers } from './quota/strangers.js';
import { QUOTA_FAIL_MODE, QuotaService } from './quota/quota.service.js';
import { Activities } from './reports/activity.service.js';
import { Balances } from './reports/balances.service.js';
import { EventPages } from './reports/event-pages.service.js';
import { FocusExports } from './reports/focus-exports.service.js';
import { SpendAlertFiring } from './reports/spend-alert-firing.service.js';
import { SpendAlerts } from './reports/spend-alerts.service.js';
import { SpendLimits } from './reports/spend-limits.service.js';
import { Statements } from './reports/statements.service.js';
import { UsageReports } from './reports/usage-reports.service.js';
import { Webhooks } from './reports/webhooks.service.js';
import { Database } from './store/database.js';
import { CorrectionsService } from './usage/corrections.service.js';
import { DailyRollUps } from './usage/daily-roll-ups.service.js';
import { DeadLetters } from './usage/dead-letters.service.js';
import { UsageIntake } from './usage/intake.js';
import { OutputSampling } from './usage/output-sampling.service.js';
import { PeriodClose } from './usage/period-close.service.js';
import { PriceBook } from './usage/price-book.service.js';
import { ReconciliationService } from './usage/reconciliation.service.js';
import { Pruning } from './usage/pruning.service.js';
import { Recorder } from './usage/recorder.js';
import { RepairService } from './usage/repair.service.js';
import { ReratingService } from './usage/rerating.service.js';
import { UnpricedUsage } from './usage/unpriced-usage.service.js';
import { UsageConflicts } from './usage/usage-conflicts.service.js';

/** What is opened before the app and closed after it. */
export type AppParts = {
  readonly config: Config;
  readonly database: Database;
  readonly redis: {
    /** Decisions and the producer's side of the queue: fails at once when Redis is away. */
    readonly quick: Redis;
    /** Workers: waits for as long as it takes. */
    readonly patient: Redis;
  };
  readonly clock: Clock;
  readonly logger: Logger;
};

const SERVICES: Provider[] = [
  QuotaService,
  LimitsService,
  Strangers,
  CreditsService,
  UpkeepService,
  PriceBook,
  { provide: PriceSource, useExisting: PriceBook },
  Recorder,
  UnpricedUsage,
  DeadLetters,
  UsageConflicts,
  UsageIntake,
  CorrectionsService,
  ReratingService,
  PeriodClose,
  DailyRollUps,
  Pruning,
  OutputSampling,
  ReconciliationService,
  RepairService,
  Activities,
  Balances,
  UsageReports,
  Statements,
  EventPages,
  FocusExports,
  SpendLimits,
  SpendAlerts,
  SpendAlertFiring,
  Webhooks,
];

const API = [
  DocsController,
  DashboardController,
  QuotaController,
  LeasesController,
  UsageEventsController,
  ActivityController,
  BalancesController,
  UsageController,
  CostsController,
  SpendLimitController,
  SpendAlertsController,
  WebhooksController,
  StatementsController,
  ExportsController,
  EntitiesController,
  CreditsController,
  PlansController,
  PricesController,
  ConflictsController,
  CorrectionsController,
  KeysController,
  ReviewController,
];

@Module({})
export class AppModule {
  static of(parts: AppParts, made: { metrics: Metrics; document: ApiDocument }): DynamicModule {
    const { config, database, redis, clock, logger } = parts;
    const isWorker = config.role !== 'api';
    const opened: Provider[] = [
      { provide: Database, useValue: database },
      { provide: Clock, useValue: clock },
      { provide: Logger, useValue: logger },
      { provide: Metrics, useValue: made.metrics },
      { provide: QUOTA_REDIS, useValue: redis.quick },
      {
        provide: WebhookSender,
        useFactory: () => new WebhookSender({ allowPrivate: config.webhookAllowPrivate }),
      },
      { provide: QUOTA_FAIL_MODE, useValue: config.quotaFailMode },
      { provide: UsageQueue, useFactory: () => new UsageQueue(redis.quick) },
      { provide: Readiness, useFactory: () => new Readiness(database, { redis: redis.quick }) },
    ];
    const door: Provider[] = [
      ApiKeys,
      Changes,
      { provide: ApiDocument, useValue: made.document },
      AuthGuard,
      { provide: APP_GUARD, useExisting: AuthGuard },
      { provide: APP_PIPE, useClass: SchemaPipe },
    ];
    const workers: Provider[] = [BatchWriter, UsageProcessor, UpkeepProcessor];
    return {
      module: AppModule,
      imports: isWorker
        ? [
            BullModule.forRoot({ connection: redis.patient }),
            BullModule.registerQueue({ name: UPKEEP_QUEUE }),
          ]
        : [],
      controllers: config.role === 'worker' ? [OperationsController] : [OperationsController, ...API],
      providers: [...opened, ...SERVICES, ...door, ...(isWorker ? workers : [])],
    };
  }
}

/** The whole app, not listening yet. Tests boot the very same, on port 0 and with a clock of their own. */
export async function createApp(parts: AppParts): Promise<NestFastifyApplication> {
  const { config, logger } = parts;
  const metrics = new Metrics();
  const document = new ApiDocument(() => describeApi(app));
  const errors = new ErrorFilter(logger, config);
  const module = AppModule.of(parts, { metrics, document });
  const direct = new DirectDoor(
    errors,
    () => app.get(AuthGuard),
    (controller) => app.get(controller),
  );
  const adapter = fastifyAdapter({
    errors,
    logger,
    metrics,
    direct: config.role === 'worker' ? null : direct,
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(errors);
  return app;
}
