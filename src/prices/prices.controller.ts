/** Admins: the price book. A version is in force from its time on; what is already rated keeps its price. */
import { Body, Controller, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PriceBook } from './price-book.js';
import { PriceImport } from './price-import.js';
import { requireChargeable } from './chargeable-terms.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { withBody } from '../access/idempotency.js';
import { presentPage } from '../http/list-page.js';
import { BodyStream, type StreamedBody } from '../http/body-stream.js';
import { answerOf, json, MayBeAJob } from '../jobs/job-answer.js';
import { Jobs } from '../jobs/jobs.js';
import { presentJob } from '../jobs/jobs.presenter.js';
import { presentImport } from './price-import.presenter.js';
import { importOrder } from './price-import-job.js';
import { presentPrice, presentPublished, presentUnpriced, unpricedIdOf } from './prices.presenter.js';
import { missing } from '../access/principal.js';
import type { Tx } from '../platform/database.js';
import { Route } from '../http/route.js';
import * as schemas from './prices.schema.js';
import { requireKnown } from '../access/known-entities.js';
import { Database } from '../platform/database.js';

const MAP_EXAMPLE = {
  'acme-chat-2': {
    litellm_provider: 'acme',
    mode: 'chat',
    input_cost_per_token: 1.5e-7,
    output_cost_per_token: 6e-7,
    max_input_tokens: 128_000,
    max_output_tokens: 16_384,
  },
};

@Controller()
export class PricesController {
  constructor(
    private readonly prices: PriceBook,
    private readonly imports: PriceImport,
    private readonly changes: Changes,
    private readonly jobs: Jobs,
    private readonly database: Database,
  ) {}

  @Route('GET /v1/admin/prices', {
    scope: 'all',
    role: 'admin',
    summary: 'List price versions: those of one entity are the list prices and its own',
    answers: schemas.PriceList,
  })
  async list(@Query({ schema: schemas.PricePage }) query: schemas.PricePage) {
    const { order, limit, after = null, model = null, entity = null, source = null, at = null } = query;
    if (entity !== null) await requireKnown(this.database.reader, entity);
    const page = await this.prices.list({ model, entity, source, at, order, after, limit: limit + 1 });
    return presentPage(page, { limit, idOf: (row) => String(row.id), present: presentPrice });
  }

  @Route('POST /v1/admin/prices', {
    scope: 'all',
    role: 'admin',
    summary: 'Publish a price version',
    answers: schemas.PublishedPrice,
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
    if (entity != null) await requireKnown(this.database.reader, entity);
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
    const publish = async (tx: Tx) => presentPublished(await this.prices.publish(tx, order));
    return this.changes.make(call, [{ prices: true }], publish, { dryRun: query.dry_run });
  }

  @Route('GET /v1/admin/prices/:id', {
    scope: 'all',
    role: 'admin',
    summary: 'One price version',
    answers: schemas.Price,
  })
  async get(@Param({ schema: schemas.PricePath }) { id }: { id: string }) {
    const price = ID.test(id) ? await this.prices.find(BigInt(id)) : null;
    if (price === null) throw missing('such price');
    return presentPrice(price);
  }

  @Route('GET /v1/admin/prices/unpriced', {
    scope: 'all',
    role: 'admin',
    summary: 'List usage that waits for a price, by model and entity',
    answers: schemas.UnpricedUsageList,
  })
  async unpriced(@Query({ schema: schemas.UnpricedPage }) query: schemas.UnpricedPage) {
    const { order, limit, model = null, entity = null } = query;
    if (entity !== null) await requireKnown(this.database.reader, entity);
    const after = query.after === undefined ? null : placeOf(query.after);
    const rows = await this.prices.listUnpriced({ model, entity, order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: unpricedIdOf, present: presentUnpriced });
  }

  @MayBeAJob()
  @Route('POST /v1/admin/prices/import', {
    scope: 'all',
    role: 'admin',
    summary: 'Publish the list prices of a price map that differ from those in force',
    answers: schemas.PriceImport,
    idempotent: true,
    streamsBody:
      "LiteLLM's model_prices_and_context_window.json, models.dev's api.json or genai-prices' data.json, up to 32 MiB",
    example: MAP_EXAMPLE,
  })
  async import(
    @BodyStream() body: StreamedBody,
    @Query({ schema: schemas.PriceMapQuery }) query: schemas.PriceMapQuery,
    @Call() call: ChangeCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { dry_run: dryRun, allow_lossy: allowLossy, allow_free: allowFree, overwrite } = query;
    const options = { allowLossy, allowFree, overwrite };
    const readings = await this.imports.read(body.chunks, options);
    if (dryRun) {
      const { planned } = await this.imports.plan(readings, options);
      return json(await presentImport(planned, dryRun));
    }
    const order = await importOrder(readings, { options, actor: call.principal.keyId });
    const job = await this.changes.make(withBody(call, body.digest()), [], async (tx) =>
      presentJob(await this.jobs.start(tx, order)),
    );
    const answer = await answerOf(this.jobs, job.id, reply);
    await this.changes.announce([{ prices: true }]);
    return answer;
  }
}

const ID = /^\d{1,18}$/;

/** Entities have no slash in their names, models may. */
function placeOf(id: string): { entity: string; model: string } {
  const slash = id.indexOf('/');
  return { entity: id.slice(0, slash), model: id.slice(slash + 1) };
}
