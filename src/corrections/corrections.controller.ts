/** Admins: voiding and re-rating what was counted. */
import { Body, Controller, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Database, Restart, type Tx } from '../platform/database.js';
import { Corrections } from './corrections.js';
import { Voids } from './voids.js';
import { Rerating } from './rerating.js';
import { reratingOrder } from './rerating-job.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { presentCorrection, presentRerating } from './corrections.presenter.js';
import { presentPage } from '../http/list-page.js';
import { missing } from '../access/principal.js';
import { answerOf, MayBeAJob } from '../jobs/job-answer.js';
import { Jobs } from '../jobs/jobs.js';
import { presentJob } from '../jobs/jobs.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './corrections.schema.js';
import { requireKnown } from '../access/known-entities.js';

@Controller()
export class CorrectionsController {
  constructor(
    private readonly voids: Voids,
    private readonly corrections: Corrections,
    private readonly rerating: Rerating,
    private readonly changes: Changes,
    private readonly jobs: Jobs,
    private readonly database: Database,
  ) {}

  @Route('POST /v1/admin/usage_events/:source/:id/void', {
    scope: 'all',
    role: 'admin',
    summary:
      'Void an event, giving back all that it was charged; the source is percent-encoded; dry_run shows it',
    answers: schemas.UsageCorrection,
    idempotent: true,
  })
  async void(
    @Param({ schema: schemas.UsageEventPath }) { source, id }: { source: string; id: string },
    @Query({ schema: schemas.DryRunQuery }) { dry_run: dryRun }: schemas.DryRunQuery,
    @Body({ schema: schemas.UsageEventVoidOrder }) body: schemas.UsageEventVoidOrder,
    @Call() call: ChangeCall,
  ) {
    const { keyId: actor } = call.principal;
    const { time: occurredAt = null, entity = null } = body;
    if (entity !== null) await requireKnown(this.database.reader, entity);
    const event = await this.voids.locate({ source, id, occurredAt, entity });
    const change = async (tx: Tx) => {
      const row = await this.voids.void(tx, event, { reason: body.reason, actor });
      return row instanceof Restart ? row : presentCorrection(row);
    };
    return this.changes.make(call, [event], change, { dryRun });
  }

  @Route('GET /v1/admin/usage_corrections', {
    scope: 'all',
    role: 'admin',
    summary: 'List voids, re-ratings and late usage with the period that they correct, newest first',
    answers: schemas.UsageCorrectionList,
  })
  async list(@Query({ schema: schemas.CorrectionQuery }) query: schemas.CorrectionQuery) {
    const {
      order,
      limit,
      entity = null,
      period = null,
      kind = null,
      from = null,
      to = null,
      after = null,
    } = query;
    if (entity !== null) await requireKnown(this.database.reader, entity);
    const rows = await this.corrections.list({
      entity,
      period,
      kind,
      from,
      to,
      order,
      after,
      limit: limit + 1,
    });
    return presentPage(rows, { limit, idOf: (row) => row.id, present: presentCorrection });
  }

  @Route('GET /v1/admin/usage_corrections/:id', {
    scope: 'all',
    role: 'admin',
    summary: 'One void, re-rating or late usage',
    answers: schemas.UsageCorrection,
  })
  async get(@Param({ schema: schemas.CorrectionPath }) { id }: { id: string }) {
    const row = await this.corrections.find(id);
    if (row === null) throw missing('such correction');
    return presentCorrection(row);
  }

  @MayBeAJob()
  @Route('POST /v1/admin/prices/rerate', {
    scope: 'all',
    role: 'admin',
    summary: 'Charge past usage by the price book as it is now; dry_run shows the change',
    answers: schemas.Rerating,
    idempotent: true,
  })
  async rerate(
    @Query({ schema: schemas.DryRunQuery }) { dry_run: dryRun }: schemas.DryRunQuery,
    @Body({ schema: schemas.RerateOrder }) body: schemas.RerateOrder,
    @Call() call: ChangeCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { keyId: actor } = call.principal;
    const order = { ...body, entity: body.entity ?? null, actor };
    if (order.entity !== null) await requireKnown(this.database.reader, order.entity);
    await this.rerating.requireEvents(order);
    if (dryRun) return presentRerating(await this.rerating.preview(order), { dryRun });
    const job = await this.changes.make(call, [], async (tx) =>
      presentJob(await this.jobs.start(tx, reratingOrder(order))),
    );
    return answerOf(this.jobs, job.id, reply);
  }
}
