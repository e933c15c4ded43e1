import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { Allowances } from './allowances.js';
import { Burns } from './burns.js';
import { CreditsController } from './credits.controller.js';
import { Debts } from './debts.js';
import { GrantExpiry } from './grant-expiry.js';
import { Grants } from './grants.js';
import { HourlyPosting } from './hourly-posting.js';
import { Ledger } from './ledger.js';

const SERVICES = [Allowances, Burns, Debts, GrantExpiry, Grants, HourlyPosting, Ledger];

@Module({ imports: [AccessModule, AccountsModule], providers: SERVICES, exports: SERVICES })
export class CreditsModule {}

@Module({ imports: [AccessModule, AccountsModule, CreditsModule], controllers: [CreditsController] })
export class CreditsApi {}
