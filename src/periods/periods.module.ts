import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CreditsModule } from '../credits/credits.module.js';
import { DailyRollUps } from './daily-roll-ups.js';
import { PeriodClose } from './period-close.js';
import { StatementListController } from './statement-list.controller.js';
import { StatementsController } from './statements.controller.js';
import { StatementPdf } from './statement-pdf.js';
import { Statements } from './statements.js';

const SERVICES = [DailyRollUps, PeriodClose, Statements];

@Module({ imports: [AccountsModule, CreditsModule], providers: SERVICES, exports: SERVICES })
export class PeriodsModule {}

@Module({
  imports: [AccessModule, PeriodsModule],
  controllers: [StatementsController, StatementListController],
  providers: [StatementPdf],
})
export class PeriodsApi {}
