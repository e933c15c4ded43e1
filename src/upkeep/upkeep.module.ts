import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AlertsModule } from '../alerts/alerts.module.js';
import { CorrectionsModule } from '../corrections/corrections.module.js';
import { CreditsModule } from '../credits/credits.module.js';
import { MeteringModule } from '../metering/metering.module.js';
import { PeriodsModule } from '../periods/periods.module.js';
import { UPKEEP_QUEUES } from '../platform/queues.js';
import { QuotaModule } from '../quota/quota.module.js';
import { RetentionModule } from '../retention/retention.module.js';
import { laneOf } from './upkeep-lanes.js';

/** Runs what has a schedule. */
@Module({
  imports: [
    BullModule.registerQueue(...Object.values(UPKEEP_QUEUES).map((name) => ({ name }))),
    AccessModule,
    CreditsModule,
    QuotaModule,
    MeteringModule,
    CorrectionsModule,
    PeriodsModule,
    AlertsModule,
    RetentionModule,
  ],
  providers: [laneOf('money'), laneOf('slow'), laneOf('months'), laneOf('outbound')],
})
export class UpkeepWorker {}
