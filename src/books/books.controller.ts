/** Admins: check the books, and repair what is derived. */
import { Body, Controller, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Caller, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import { answerOf, MayBeAJob } from '../jobs/job-answer.js';
import { Jobs } from '../jobs/jobs.js';
import { presentJob } from '../jobs/jobs.presenter.js';
import * as schemas from './books.schema.js';
import { reconciliationOrder } from './reconciliation-job.js';
import { presentRepair, repairOrder } from './repair-job.js';
import { Repair } from './repair.js';

@Controller()
export class BooksController {
  constructor(
    private readonly repairs: Repair,
    private readonly changes: Changes,
    private readonly jobs: Jobs,
  ) {}

  @MayBeAJob()
  @Route('GET /v1/admin/reconciliation', {
    scope: 'all',
    role: 'admin',
    summary: 'Check the books against each other, now',
    answers: schemas.Reconciliation,
  })
  async reconcile(@Caller() { keyId: actor }: Principal, @Res({ passthrough: true }) reply: FastifyReply) {
    const { id } = await this.jobs.startNow(reconciliationOrder({ actor }));
    return answerOf(this.jobs, id, reply);
  }

  @MayBeAJob()
  @Route('POST /v1/admin/reconciliation/repair', {
    scope: 'all',
    role: 'admin',
    summary:
      'Rebuild the sums of an entity, or of all, from events, corrections and ledger; dry_run shows the change',
    answers: schemas.Repair,
    idempotent: true,
  })
  async repair(
    @Query({ schema: schemas.RepairQuery }) { dry_run: dryRun }: schemas.RepairQuery,
    @Body({ schema: schemas.RepairOrder }) { entity }: schemas.RepairOrder,
    @Call() call: ChangeCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { keyId: actor } = call.principal;
    if (dryRun && entity !== null) return presentRepair(await this.repairs.preview(entity), { dryRun });
    const order = repairOrder({ entity, dryRun, actor });
    const job = dryRun
      ? await this.jobs.startNow(order)
      : await this.changes.make(call, [], async (tx) => presentJob(await this.jobs.start(tx, order)));
    return answerOf(this.jobs, job.id, reply);
  }
}
