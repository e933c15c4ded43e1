import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { MeteringModule } from '../metering/metering.module.js';
import { PeriodsModule } from '../periods/periods.module.js';
import { BooksController } from './books.controller.js';
import { Reconciliation } from './reconciliation.js';
import { Repair } from './repair.js';

const SERVICES = [Reconciliation, Repair];

@Module({ imports: [AccountsModule, MeteringModule, PeriodsModule], providers: SERVICES, exports: SERVICES })
export class BooksModule {}

@Module({ imports: [AccessModule, BooksModule], controllers: [BooksController] })
export class BooksApi {}
