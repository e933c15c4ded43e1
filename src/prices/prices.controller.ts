/** Admins: the price book. A version is in force from its time on; what is already rated keeps its price. */
import { Body, Controller, Query } from '@nestjs/common';
import { PriceBook } from './price-book.js';
import { PriceImport } from './price-import.js';
import { requireChargeable } from './chargeable-terms.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { presentPage } from '../http/list-page.js';
import { presentPrice, presentPriceImport } from './prices.presenter.js';
import { Caller, requireEntity, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './prices.schema.js';

@Controller()
export class PricesController {
  constructor(
    private readonly prices: PriceBook,
    private readonly imports: PriceImport,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/admin/prices', {
    role: 'admin',
    summary: 'List price versions: those of one entity are the list prices and its own',
    answers: schemas.PriceList,
  })
  async list(@Query({ schema: schemas.PricePage }) query: schemas.PricePage, @Caller() caller: Principal) {
    const { limit, after = null, model = null } = query;
    if (query.entity !== undefined) requireEntity(caller, query.entity);
    const entity = query.entity ?? caller.entity;
    const page = await this.prices.list({ model, entity, after, limit: limit + 1 });
    return presentPage(page, { limit, idOf: (row) => String(row.id), present: presentPrice });
  }

  @Route('POST /v1/admin/prices', {
    role: 'admin',
    summary: 'Publish a price version',
    answers: schemas.Price,
    status: 201,
    idempotent: true,
  })
  async publish(
    @Body({ schema: schemas.PriceOrder }) body: schemas.PriceOrder,
    @Query({ schema: schemas.PriceQuery }) query: schemas.PriceQuery,
    @Call() call: ChangeCall,
  ) {
    const { model, entity, effective_from, max_input_tokens, max_output_tokens, source, ...terms } = body;
    requireChargeable(terms, { allowFree: query.allow_free });
    const order = {
      model,
      entity: entity ?? null,
      effectiveFrom: effective_from ?? null,
      terms,
      maxInputTokens: max_input_tokens ?? null,
      maxOutputTokens: max_output_tokens ?? null,
      source,
      actor: call.principal.keyId,
    };
    requireEntity(call.principal, order.entity);
    return this.changes.make(call, [{ prices: true }], async (tx) =>
      presentPrice(await this.prices.publish(tx, order)),
    );
  }

  @Route('POST /v1/admin/prices/import', {
    role: 'admin',
    allEntities: true,
    summary: 'Publish the list prices of a LiteLLM price map that differ from those in force',
    answers: schemas.PriceImport,
    idempotent: true,
  })
  async import(
    @Body({ schema: schemas.PriceMap }) map: schemas.PriceMap,
    @Query({ schema: schemas.PriceMapQuery }) query: schemas.PriceMapQuery,
    @Call() call: ChangeCall,
  ) {
    const order = { map, dryRun: query.dry_run, actor: call.principal.keyId };
    return this.changes.make(call, query.dry_run ? [] : [{ prices: true }], async (tx) =>
      presentPriceImport(await this.imports.import(tx, order), query.dry_run),
    );
  }
}
