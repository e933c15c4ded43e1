import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CreditsModule } from '../credits/credits.module.js';
import { PricesModule } from '../prices/prices.module.js';
import { CommitPublication } from './commit-publication.js';
import { ReservationCalls } from './reservation-routes.js';
import { HoldTotals } from './hold-totals.js';
import { HoldsController } from './holds.controller.js';
import { LeasesController } from './leases.controller.js';
import { OutputSampling } from './output-sampling.js';
import { DecisionsController } from './decisions.controller.js';
import { Quota } from './quota.js';
import { UnknownEntities } from './unknown-entities.js';

@Module({
  imports: [AccessModule, AccountsModule, CreditsModule, PricesModule],
  providers: [Quota, UnknownEntities, OutputSampling, CommitPublication, HoldTotals],
  exports: [Quota, OutputSampling, HoldTotals],
})
export class QuotaModule {}

@Module({
  imports: [AccessModule, AccountsModule, QuotaModule],
  controllers: [DecisionsController, HoldsController, LeasesController],
  providers: [ReservationCalls],
})
export class QuotaApi {}
