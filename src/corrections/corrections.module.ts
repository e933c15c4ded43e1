import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CreditsModule } from '../credits/credits.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { MeteringModule } from '../metering/metering.module.js';
import { PricesModule } from '../prices/prices.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { CorrectionBooking } from './correction-booking.js';
import { ChargingJob } from './charging-job.js';
import { Corrections } from './corrections.js';
import { CorrectionsController } from './corrections.controller.js';
import { FirstPriceCharging } from './first-price-charging.js';
import { Rerating } from './rerating.js';
import { ReratingJob } from './rerating-job.js';
import { UnpricedUsage } from './unpriced-usage.js';
import { Voids } from './voids.js';

const SERVICES = [CorrectionBooking, Corrections, Voids, Rerating, UnpricedUsage];

@Module({
  imports: [
    AccessModule,
    JobsModule,
    AccountsModule,
    CreditsModule,
    MeteringModule,
    PricesModule,
    QuotaModule,
  ],
  providers: [...SERVICES, ChargingJob, FirstPriceCharging, ReratingJob],
  exports: SERVICES,
})
export class CorrectionsModule {}

@Module({ imports: [AccessModule, JobsModule, CorrectionsModule], controllers: [CorrectionsController] })
export class CorrectionsApi {}
