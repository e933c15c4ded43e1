/** Admins: events that arrived again with other content than was counted. */
import { Body, Controller, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { answerOf, MayBeAJob } from '../jobs/job-answer.js';
import { Jobs } from '../jobs/jobs.js';
import { presentJob } from '../jobs/jobs.presenter.js';
import { Restart, type Tx } from '../platform/database.js';
import { conflictOrder, ConflictsJob, type ConflictBatchOrder } from './conflicts-job.js';
import { eventFromJson } from './event-json.js';
import { conflictIdOf } from './usage-conflicts.sql.js';
import { UsageConflicts } from './usage-conflicts.js';
import { presentConflict } from './conflicts.presenter.js';
import { presentPage } from '../http/list-page.js';
import { Caller, scopeOf, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './conflicts.schema.js';

@Controller()
export class ConflictsController {
  constructor(
    private readonly usageConflicts: UsageConflicts,
    private readonly changes: Changes,
    private readonly job: ConflictsJob,
    private readonly jobs: Jobs,
  ) {}

  @Route('GET /v1/admin/usage_conflicts', {
    scope: 'all',
    role: 'admin',
    summary: 'List events that arrived again with other content than was counted, last seen first',
    answers: schemas.UsageConflictList,
  })
  async list(
    @Query({ schema: schemas.ConflictQuery }) query: schemas.ConflictQuery,
    @Caller() caller: Principal,
  ) {
    const { order, limit, after = null, status, start_time: from = null, end_time: to = null } = query;
    const filter = {
      status: status ?? null,
      entity: scopeOf(caller, query),
      project: query.subject?.project ?? null,
      from,
      to,
    };
    const page = { filter, order, after, limit: limit + 1 };
    const rows = await this.usageConflicts.list(page);
    return presentPage(rows, { limit, idOf: conflictIdOf, present: presentConflict });
  }

  @Route('GET /v1/admin/usage_conflicts/:id', {
    scope: 'all',
    role: 'admin',
    summary: 'Get a conflict',
    answers: schemas.UsageConflict,
  })
  async get(
    @Param({ schema: schemas.ConflictPath }) { id: key }: schemas.ConflictPath,
    @Caller() caller: Principal,
  ) {
    const order = { key, scope: caller.entity };
    return presentConflict(await this.usageConflicts.find(order));
  }

  @Route('POST /v1/admin/usage_conflicts/:id/count', {
    scope: 'all',
    role: 'admin',
    summary: 'Count the other content after all, as an event of its own; again it changes nothing',
    answers: schemas.UsageConflict,
    idempotent: true,
  })
  async count(
    @Param({ schema: schemas.ConflictPath }) { id: key }: schemas.ConflictPath,
    @Query({ schema: schemas.CountQuery }) { dry_run: dryRun }: schemas.CountQuery,
    @Body({ schema: schemas.ConflictReview }) body: schemas.ConflictReview,
    @Call() call: ChangeCall,
  ) {
    const { entity: scope, keyId: actor } = call.principal;
    const order = { key, scope, note: body?.note ?? null, actor };
    const conflict = await this.usageConflicts.find(order);
    const { entity, project } = eventFromJson(conflict.other);
    const change = async (tx: Tx) => {
      const row = await this.usageConflicts.count(tx, order);
      return row instanceof Restart ? row : presentConflict(row);
    };
    return this.changes.make(call, [{ entity, project }], change, { dryRun });
  }

  @Route('POST /v1/admin/usage_conflicts/:id/review', {
    scope: 'all',
    role: 'admin',
    summary: 'Mark a conflict as reviewed',
    answers: schemas.UsageConflict,
    idempotent: true,
  })
  async review(
    @Param({ schema: schemas.ConflictPath }) { id: key }: schemas.ConflictPath,
    @Query({ schema: schemas.ReviewQuery }) { dry_run: dryRun }: schemas.ReviewQuery,
    @Body({ schema: schemas.ConflictReview }) body: schemas.ConflictReview,
    @Call() call: ChangeCall,
  ) {
    const { entity: scope, keyId: actor } = call.principal;
    const order = { key, scope, note: body?.note ?? null, actor };
    const change = async (tx: Tx) => presentConflict(await this.usageConflicts.review(tx, order));
    return this.changes.make(call, [], change, { dryRun });
  }

  @MayBeAJob()
  @Route('POST /v1/admin/usage_conflicts/count', {
    scope: 'all',
    role: 'admin',
    summary: 'Count the other contents of all conflicts that match, as events of their own',
    answers: schemas.ConflictBatch,
    idempotent: true,
  })
  async countMatching(
    @Query({ schema: schemas.CountQuery }) { dry_run: dryRun }: schemas.CountQuery,
    @Body({ schema: schemas.CountOrder }) body: schemas.CountOrder,
    @Call() call: ChangeCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.resolveMatching(batchOrder('counted', body, call), { dryRun, call, reply });
  }

  @MayBeAJob()
  @Route('POST /v1/admin/usage_conflicts/review', {
    scope: 'all',
    role: 'admin',
    summary: 'Mark all conflicts that match as reviewed',
    answers: schemas.ConflictBatch,
    idempotent: true,
  })
  async reviewMatching(
    @Query({ schema: schemas.ReviewQuery }) { dry_run: dryRun }: schemas.ReviewQuery,
    @Body({ schema: schemas.ReviewOrder }) body: schemas.ReviewOrder,
    @Call() call: ChangeCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.resolveMatching(batchOrder('reviewed', body, call), { dryRun, call, reply });
  }

  private async resolveMatching(
    order: ConflictBatchOrder,
    { dryRun, call, reply }: { dryRun: boolean; call: ChangeCall; reply: FastifyReply },
  ) {
    await this.usageConflicts.requireSome(order.filter);
    if (dryRun) return this.job.preview(order);
    const job = await this.changes.make(call, [], async (tx) =>
      presentJob(await this.jobs.start(tx, conflictOrder(order))),
    );
    return answerOf(this.jobs, job.id, reply);
  }
}

function batchOrder(
  status: 'counted' | 'reviewed',
  body: schemas.ReviewOrder & { readonly status?: 'open' | 'reviewed' },
  { principal }: ChangeCall,
): ConflictBatchOrder {
  const filter = {
    status: body.status ?? 'open',
    entity: scopeOf(principal, body),
    project: body.subject?.project ?? null,
    from: body.start_time ?? null,
    to: body.end_time ?? null,
  };
  return { status, filter, note: body.note ?? null, limit: body.limit ?? null, actor: principal.keyId };
}
