import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { MeteringModule } from '../metering/metering.module.js';
import { PeriodsModule } from '../periods/periods.module.js';
import { BooksController } from './books.controller.js';
import { Reconciliation } from './reconciliation.js';
import { ReconciliationJob } from './reconciliation-job.js';
import { RepairJob } from './repair-job.js';
import { Repair } from './repair.js';

const SERVICES = [Reconciliation, Repair];

@Module({
  imports: [AccessModule, AccountsModule, JobsModule, MeteringModule, PeriodsModule],
  providers: [...SERVICES, ReconciliationJob, RepairJob],
  exports: SERVICES,
})
export class BooksModule {}

@Module({ imports: [AccessModule, JobsModule, BooksModule], controllers: [BooksController] })
export class BooksApi {}
