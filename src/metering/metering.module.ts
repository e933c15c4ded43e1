import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CreditsModule } from '../credits/credits.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { PricesModule } from '../prices/prices.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { BatchWriter } from './batch-writer.js';
import { ConflictsController } from './conflicts.controller.js';
import { ConflictsJob } from './conflicts-job.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DeadLetters } from './dead-letters.js';
import { DeadLettersJob } from './dead-letters-job.js';
import { EventGatherer } from './event-gatherer.js';
import { LitellmController } from './litellm/litellm.controller.js';
import { LitellmLogs } from './litellm/litellm-logs.js';
import { IdentityPruning } from './identity-pruning.js';
import { KeyBacklog } from './key-backlog.js';
import { QueueOverviews } from './queue-overview.js';
import { QueuePageController } from './queue-page.controller.js';
import { QueueController } from './queue.controller.js';
import { Recorder } from './recorder.js';
import { UsageConflicts } from './usage-conflicts.js';
import { UsageIntake } from './usage-intake.js';
import { UsageReports } from './usage-routes.js';
import { UsageMonths } from './usage-months.js';
import { UsageSums } from './usage-sums.js';
import { UsageLanes } from './usage-lanes.js';
import { UsageProcessor } from './usage.processor.js';
import { WaitingUsage } from './waiting-usage.js';

const SERVICES = [
  ConflictsJob,
  DeadLetters,
  DeadLettersJob,
  IdentityPruning,
  Recorder,
  UsageConflicts,
  UsageSums,
];
/** Of the door for usage over HTTP. */
const INTAKE = [EventGatherer, KeyBacklog, QueueOverviews, LitellmLogs, UsageIntake, UsageReports];

@Module({
  imports: [AccessModule, JobsModule, AccountsModule, CreditsModule, PricesModule, QuotaModule],
  providers: SERVICES,
  exports: SERVICES,
})
export class MeteringModule {}

@Module({
  imports: [AccessModule, JobsModule, MeteringModule],
  providers: INTAKE,
  controllers: [
    DeadLettersController,
    ConflictsController,
    QueueController,
    QueuePageController,
    LitellmController,
  ],
})
export class MeteringApi {}

/** Takes the usage queue's jobs. */
@Module({
  imports: [MeteringModule],
  providers: [BatchWriter, UsageLanes, UsageMonths, WaitingUsage, UsageProcessor],
})
export class MeteringWorker {}
