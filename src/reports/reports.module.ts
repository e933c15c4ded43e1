import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CreditsModule } from '../credits/credits.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { ActivityController } from './activity.controller.js';
import { Activities } from './activity.js';
import { BalanceReports } from './balance-report.js';
import { BalancesController } from './balances.controller.js';
import { CostsController } from './costs.controller.js';
import { EventPages } from './event-pages.js';
import { ExportsController } from './exports.controller.js';
import { FocusExports } from './focus-exports.js';
import { UsageController } from './usage.controller.js';
import { UsageReports } from './usage-reports.js';

const SERVICES = [Activities, BalanceReports, EventPages, FocusExports, UsageReports];

@Module({ imports: [AccountsModule, CreditsModule, QuotaModule], providers: SERVICES, exports: SERVICES })
export class ReportsModule {}

@Module({
  imports: [AccessModule, AccountsModule, ReportsModule],
  controllers: [ActivityController, BalancesController, UsageController, CostsController, ExportsController],
})
export class ReportsApi {}
