import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CreditsModule } from '../credits/credits.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { BalanceReports } from './balance-reports.js';
import { BalancesController } from './balances.controller.js';
import { BucketedReports } from './bucketed-reports.js';
import { CountedEventsController } from './counted-events.controller.js';
import { CountedEvents } from './counted-events.js';
import { DenialsController } from './denials.controller.js';
import { EntityActivityController } from './entity-activity.controller.js';
import { EntityActivity } from './entity-activity.js';
import { EntityUsageController } from './entity-usage.controller.js';
import { EntityUsage } from './entity-usage.js';
import { FocusExportsController } from './focus-exports.controller.js';
import { FocusExports } from './focus-exports.js';
import { OrganizationCostsController } from './organization-costs.controller.js';
import { OrganizationUsageController } from './organization-usage.controller.js';
import { OtherUsageController } from './other-usage.controller.js';
import { VisibleEntitiesController } from './visible-entities.controller.js';
import { VisibleEntities } from './visible-entities.js';

const SERVICES = [
  EntityActivity,
  EntityUsage,
  BalanceReports,
  BucketedReports,
  CountedEvents,
  FocusExports,
  VisibleEntities,
];

@Module({ imports: [AccountsModule, CreditsModule, QuotaModule], providers: SERVICES, exports: SERVICES })
export class ReportsModule {}

@Module({
  imports: [AccessModule, AccountsModule, QuotaModule, ReportsModule],
  controllers: [
    EntityActivityController,
    EntityUsageController,
    BalancesController,
    OrganizationUsageController,
    OtherUsageController,
    OrganizationCostsController,
    CountedEventsController,
    DenialsController,
    FocusExportsController,
    VisibleEntitiesController,
  ],
})
export class ReportsApi {}
