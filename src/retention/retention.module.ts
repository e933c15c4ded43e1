import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AlertsModule } from '../alerts/alerts.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { EventMonths } from './event-months.js';
import { ErasureJob } from './erasure-job.js';
import { Erasures } from './erasures.js';
import { RetentionController } from './retention.controller.js';
import { RetentionPruning } from './retention-pruning.js';
import { RetentionSettings } from './retention-settings.js';

const SERVICES = [Erasures, EventMonths, RetentionPruning, RetentionSettings];

@Module({
  imports: [AccessModule, AccountsModule, AlertsModule, JobsModule],
  providers: [...SERVICES, ErasureJob],
  exports: SERVICES,
})
export class RetentionModule {}

@Module({
  imports: [AccessModule, AccountsModule, JobsModule, RetentionModule],
  controllers: [RetentionController],
})
export class RetentionApi {}
