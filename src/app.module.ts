/** All modules on one page, by role. */
import { BullModule } from '@nestjs/bullmq';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { queuePrefixOf, USAGE_QUEUE } from '@tally/client/protocol';
import { AccessApi, AccessModule } from './access/access.module.js';
import { AuthGuard } from './access/auth-guard.js';
import { AccountsApi, AccountsModule } from './accounts/accounts.module.js';
import { AlertsApi, AlertsModule } from './alerts/alerts.module.js';
import { MailSender } from './alerts/mail-sender.js';
import { WebhookSender } from './alerts/webhook-sender.js';
import { BooksApi, BooksModule } from './books/books.module.js';
import type { Config } from './config.js';
import { CorrectionsApi, CorrectionsModule } from './corrections/corrections.module.js';
import { CreditsApi, CreditsModule } from './credits/credits.module.js';
import { PROCESS_ROLE } from './http/readiness.js';
import { ApiDocument } from './http/docs.controller.js';
import { ErrorFilter } from './http/error-filter.js';
import { routesOn, type GatewayApi } from './http/gateway-routes.js';
import { tracedRoutes } from './http/traced-routes.js';
import { HttpKernelApi, HttpKernelModule } from './http/http-kernel.module.js';
import { METRICS_ADDRESS } from './http/metrics-server.js';
import { EVENT_BODIES } from './alerts/event-bodies.schema.js';
import { describeApi } from './http/openapi.js';
import { fastifyAdapter } from './http/server.js';
import { JobsApi, JobsModule, JobsWorker } from './jobs/jobs.module.js';
import { InboxApi, InboxModule } from './inbox/inbox.module.js';
import { RetentionApi, RetentionModule } from './retention/retention.module.js';
import { UpkeepWorker } from './upkeep/upkeep.module.js';
import { MeteringApi, MeteringModule, MeteringWorker } from './metering/metering.module.js';
import { litellmLogAt } from './metering/litellm/litellm.schema.js';
import { UsageMonths } from './metering/usage-months.js';
import { PeriodsApi, PeriodsModule } from './periods/periods.module.js';
import { SELLER, type Seller } from './periods/seller.js';
import { USAGE_ROUTES, UsageReports } from './metering/usage-routes.js';
import { QUEUE_SHARDS } from './metering/usage.processor.js';
import { NestLogger } from './platform/logger.js';
import { Metrics } from './platform/metrics.js';
import { TRACING, type Tracing } from './platform/tracing.js';
import { VERSION } from './platform/version.js';
import { PlatformModule, type PlatformParts } from './platform/platform.module.js';
import { PricesApi, PricesModule } from './prices/prices.module.js';
import { QuotaApi, QuotaModule } from './quota/quota.module.js';
import { RESERVATION_ROUTES, ReservationCalls } from './quota/reservation-routes.js';
import { routedUrl } from './quota/ext-authz.js';
import { QUOTA_FAIL_MODE, UNPRICED_MODELS } from './quota/quota.js';
import { ReportsApi, ReportsModule } from './reports/reports.module.js';

/** What every process has, lowest first. */
const CAPABILITIES = [
  HttpKernelModule,
  AccessModule,
  JobsModule,
  PricesModule,
  AccountsModule,
  CreditsModule,
  QuotaModule,
  MeteringModule,
  CorrectionsModule,
  PeriodsModule,
  ReportsModule,
  AlertsModule,
  BooksModule,
  RetentionModule,
  InboxModule,
];

/** The routes, where the role is `api` or `all`. */
const API = [
  HttpKernelApi,
  AccessApi,
  JobsApi,
  PricesApi,
  AccountsApi,
  CreditsApi,
  QuotaApi,
  MeteringApi,
  CorrectionsApi,
  PeriodsApi,
  ReportsApi,
  AlertsApi,
  BooksApi,
  RetentionApi,
  InboxApi,
];

type GatewayCalls = { readonly reservations: ReservationCalls; readonly reports: UsageReports };

/** What a gateway calls for each of its requests. */
const GATEWAY_ROUTES = [
  ...routesOn(RESERVATION_ROUTES, ({ reservations }: GatewayCalls) => reservations),
  ...routesOn(USAGE_ROUTES, ({ reports }: GatewayCalls) => reports),
];

/** Queues and schedules, where the role is `worker` or `all`. */
const WORKERS = [MeteringWorker, UpkeepWorker, JobsWorker];

export type AppParts = Omit<PlatformParts, 'metrics' | 'queueShards' | 'queueReplicasMin'> & {
  readonly config: Config;
  /** Without it there are no traces. */
  readonly tracing?: Tracing | null;
};

@Module({})
export class AppModule {
  static of(parts: AppParts, made: { metrics: Metrics; document: ApiDocument }): DynamicModule {
    const { config, redis } = parts;
    const { queueShards, queueReplicasMin } = config;
    const settings: Provider[] = [
      { provide: QUOTA_FAIL_MODE, useValue: config.quotaFailMode },
      { provide: UNPRICED_MODELS, useValue: config.unpricedModels },
      {
        provide: SELLER,
        useValue: { name: config.sellerName, address: config.sellerAddress } satisfies Seller,
      },
      { provide: QUEUE_SHARDS, useValue: queueShards },
      { provide: TRACING, useValue: parts.tracing ?? null },
      { provide: PROCESS_ROLE, useValue: config.role },
      {
        provide: WebhookSender,
        useFactory: () => new WebhookSender({ allowPrivate: config.webhookAllowPrivate }),
      },
      { provide: MailSender, useFactory: () => new MailSender(mailOf(config)) },
      { provide: ApiDocument, useValue: made.document },
      { provide: METRICS_ADDRESS, useValue: { port: config.metricsPort, host: config.host } },
    ];
    return {
      module: AppModule,
      imports: [
        PlatformModule.of({ ...parts, queueShards, queueReplicasMin, metrics: made.metrics }, settings),
        ...CAPABILITIES,
        ...(config.role === 'worker' ? [] : API),
        ...(config.role === 'api' ? [] : [bullOver(redis), ...WORKERS]),
      ],
    };
  }
}

function bullOver({ worker: { client, names } }: PlatformParts['redis']): DynamicModule {
  return BullModule.forRoot({ connection: client, prefix: queuePrefixOf(USAGE_QUEUE, names) });
}

function mailOf({ smtpUrl: url, smtpFrom: from }: Config): { url: string; from: string } | null {
  return url === null || from === null ? null : { url, from };
}

/** The whole app, not listening yet. Tests boot the very same, on port 0 and with a clock of their own. */
export async function createApp(parts: AppParts): Promise<NestFastifyApplication> {
  const { config, logger, clock, tracing = null } = parts;
  const metrics = new Metrics({ version: VERSION, role: config.role });
  const { quotaDeniedStatus } = config;
  const described = {
    gatewayRoutes: GATEWAY_ROUTES,
    events: EVENT_BODIES,
    examplesAt: { 'usageEvents.reportLitellm': litellmLogAt },
    quotaDeniedStatus,
  };
  const document = new ApiDocument((at) => describeApi(app, { ...described, at }), clock);
  const errors = new ErrorFilter(logger, config);
  const module = AppModule.of(parts, { metrics, document });
  const gateway: GatewayApi<GatewayCalls> = {
    routes: tracing === null ? GATEWAY_ROUTES : tracedRoutes(GATEWAY_ROUTES, tracing, config),
    services: () => ({
      calls: { reservations: app.get(ReservationCalls), reports: app.get(UsageReports) },
      guard: app.get(AuthGuard),
    }),
  };
  const adapter = fastifyAdapter({
    errors,
    logger,
    metrics,
    gateway: config.role === 'worker' ? null : gateway,
    rewriteUrl: routedUrl,
    corsOrigins: config.corsOrigins,
    guard: (): AuthGuard => app.get(AuthGuard),
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(errors);
  // Before the first job is taken.
  if (config.role !== 'api') await app.get(UsageMonths, { strict: false }).ensure();
  return app;
}
