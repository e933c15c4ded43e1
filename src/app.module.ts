/** All the wiring, on one page: what the two roles are made of. */
import { BullModule } from '@nestjs/bullmq';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { APP_GUARD, APP_PIPE, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Redis } from 'ioredis';
import type { Config } from './config.js';
import { Accounts } from './accounts/accounts.js';
import { Balances } from './accounts/balances.js';
import { Allowances } from './credits/allowances.js';
import { Burns } from './credits/burns.js';
import { GrantExpiry } from './credits/grant-expiry.js';
import { Grants } from './credits/grants.js';
import { HourlyPosting } from './credits/hourly-posting.js';
import { Ledger } from './credits/ledger.js';
import { ActivityController } from './reports/activity.controller.js';
import { ApiKeys } from './access/api-keys.js';
import { AuthGuard } from './access/auth-guard.js';
import { BalancesController } from './reports/balances.controller.js';
import { Changes } from './access/changes.js';
import { ConflictsController } from './metering/conflicts.controller.js';
import { CorrectionsController } from './corrections/corrections.controller.js';
import { CostsController } from './reports/costs.controller.js';
import { CreditsController } from './credits/credits.controller.js';
import { DashboardController } from './http/console.controller.js';
import { DirectDoor } from './http/gateway-routes.js';
import { ApiDocument, DocsController } from './http/docs.controller.js';
import { EntitiesController } from './accounts/entities.controller.js';
import { ErrorFilter } from './http/error-filter.js';
import { ExportsController } from './reports/exports.controller.js';
import { fastifyAdapter } from './http/server.js';
import { KeysController } from './access/keys.controller.js';
import { describeApi } from './http/openapi.js';
import { LeasesController } from './quota/leases.controller.js';
import { OperationsController } from './http/operations.controller.js';
import { PlansController } from './accounts/plans.controller.js';
import { PricesController } from './prices/prices.controller.js';
import { QuotaController } from './quota/quota.controller.js';
import { Readiness } from './http/readiness.js';
import { ReviewController } from './metering/review.controller.js';
import { SchemaPipe } from './http/schema-pipe.js';
import { SpendAlertsController } from './alerts/spend-alerts.controller.js';
import { SpendLimitsController } from './accounts/spend-limits.controller.js';
import { StatementsController } from './periods/statements.controller.js';
import { UsageController } from './reports/usage.controller.js';
import { UsageEventsController } from './metering/usage-events.controller.js';
import { WebhooksController } from './alerts/webhooks.controller.js';
import { Clock } from './platform/clock.js';
import { Logger, NestLogger } from './platform/logger.js';
import { Metrics } from './platform/metrics.js';
import { UPKEEP_QUEUE, UsageQueue } from './platform/queues.js';
import { QUOTA_REDIS } from './platform/redis.js';
import { WebhookSender } from './alerts/webhook-sender.js';
import { BatchWriter } from './metering/batch-writer.js';
import { UpkeepProcessor } from './jobs/upkeep.processor.js';
import { UsageProcessor } from './metering/usage.processor.js';
import { Entities } from './accounts/entities.js';
import { Plans } from './accounts/plans.js';
import { Projects } from './accounts/projects.js';
import { ProjectsController } from './accounts/projects.controller.js';
import { UnknownEntities } from './quota/unknown-entities.js';
import { QUOTA_FAIL_MODE, Quota } from './quota/quota.js';
import { Activities } from './reports/activity.js';
import { BalanceReports } from './reports/balance-report.js';
import { EventPages } from './reports/event-pages.js';
import { FocusExports } from './reports/focus-exports.js';
import { SpendAlertFiring } from './alerts/spend-alert-firing.js';
import { SpendAlerts } from './alerts/spend-alerts.js';
import { SpendLimits } from './accounts/spend-limits.js';
import { Statements } from './periods/statements.js';
import { UsageReports } from './reports/usage-reports.js';
import { Webhooks } from './alerts/webhooks.js';
import { Database } from './platform/database.js';
import { CorrectionsService } from './corrections/voids.js';
import { CorrectionBooking } from './corrections/correction-booking.js';
import { DailyRollUps } from './periods/daily-roll-ups.js';
import { DeadLetters } from './metering/dead-letters.js';
import { UsageIntake } from './metering/usage-intake.js';
import { OutputSampling } from './quota/output-sampling.js';
import { PeriodClose } from './periods/period-close.js';
import { PriceBook } from './prices/price-book.js';
import { PriceImport } from './prices/price-import.js';
import { Reconciliation } from './books/reconciliation.js';
import { Pruning } from './metering/pruning.js';
import { Recorder } from './metering/recorder.js';
import { Repair } from './books/repair.js';
import { ReratingService } from './corrections/rerating.js';
import { UnpricedUsage } from './corrections/unpriced-usage.js';
import { UsageConflicts } from './metering/usage-conflicts.js';

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
  Quota,
  Plans,
  Entities,
  Projects,
  UnknownEntities,
  Accounts,
  Balances,
  Grants,
  Allowances,
  Burns,
  Ledger,
  HourlyPosting,
  GrantExpiry,
  PriceBook,
  PriceImport,
  Recorder,
  UnpricedUsage,
  DeadLetters,
  UsageConflicts,
  UsageIntake,
  CorrectionBooking,
  CorrectionsService,
  ReratingService,
  PeriodClose,
  DailyRollUps,
  Pruning,
  OutputSampling,
  Reconciliation,
  Repair,
  Activities,
  BalanceReports,
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
  SpendLimitsController,
  SpendAlertsController,
  WebhooksController,
  StatementsController,
  ExportsController,
  EntitiesController,
  ProjectsController,
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
