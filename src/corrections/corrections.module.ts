import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CreditsModule } from '../credits/credits.module.js';
import { MeteringModule } from '../metering/metering.module.js';
import { PricesModule } from '../prices/prices.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { CorrectionBooking } from './correction-booking.js';
import { Corrections } from './corrections.js';
import { CorrectionsController } from './corrections.controller.js';
import { FirstPriceCharging } from './first-price-charging.js';
import { Rerating } from './rerating.js';
import { UnpricedUsage } from './unpriced-usage.js';
import { Voids } from './voids.js';

const SERVICES = [CorrectionBooking, Corrections, Voids, Rerating, UnpricedUsage];

@Module({
  imports: [AccessModule, AccountsModule, CreditsModule, MeteringModule, PricesModule, QuotaModule],
  providers: [...SERVICES, FirstPriceCharging],
  exports: SERVICES,
})
export class CorrectionsModule {}

@Module({ imports: [AccessModule, CorrectionsModule], controllers: [CorrectionsController] })
export class CorrectionsApi {}
