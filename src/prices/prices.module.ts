import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { PriceBook } from './price-book.js';
import { PriceImport } from './price-import.js';
import { PricesController } from './prices.controller.js';
import { Rates } from './rates.js';

@Module({
  imports: [AccessModule],
  providers: [PriceBook, PriceImport, Rates],
  exports: [PriceBook, PriceImport, Rates],
})
export class PricesModule {}

@Module({ imports: [AccessModule, PricesModule], controllers: [PricesController] })
export class PricesApi {}
