import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { PriceBook } from './price-book.js';
import { PriceImportJob } from './price-import-job.js';
import { PriceImport } from './price-import.js';
import { PricesController } from './prices.controller.js';
import { Rates } from './rates.js';

@Module({
  imports: [AccessModule, JobsModule],
  providers: [PriceBook, PriceImport, PriceImportJob, Rates],
  exports: [PriceBook, PriceImport, Rates],
})
export class PricesModule {}

@Module({ imports: [AccessModule, JobsModule, PricesModule], controllers: [PricesController] })
export class PricesApi {}
