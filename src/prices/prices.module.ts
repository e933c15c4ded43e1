import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { PriceBook } from './price-book.js';
import { PriceImport } from './price-import.js';
import { PricesController } from './prices.controller.js';

@Module({ imports: [AccessModule], providers: [PriceBook, PriceImport], exports: [PriceBook, PriceImport] })
export class PricesModule {}

@Module({ imports: [AccessModule, PricesModule], controllers: [PricesController] })
export class PricesApi {}
