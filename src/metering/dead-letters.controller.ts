/** Admins: events that could not be counted. */
import { Body, Controller, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { answerOf, MayBeAJob } from '../jobs/job-answer.js';
import { Jobs } from '../jobs/jobs.js';
import { presentJob } from '../jobs/jobs.presenter.js';
import { TallyError } from '../domain/errors.js';
import type { Tx } from '../platform/database.js';
import type { DeadLetterFilter, DeadLetterRow, Mending, Resolution } from './dead-letter.js';
import { DeadLettersJob, resolutionOrder, type BatchOrder } from './dead-letters-job.js';
import { DeadLetters } from './dead-letters.js';
import { presentPage } from '../http/list-page.js';
import { formatSubject } from '../domain/ids.js';
import { presentDeadLetter } from './dead-letters.presenter.js';
import { Caller, scopeOf, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './dead-letters.schema.js';

@Controller()
export class DeadLettersController {
  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly job: DeadLettersJob,
    private readonly changes: Changes,
    private readonly jobs: Jobs,
  ) {}

  @Route('GET /v1/admin/dead_letters', {
    scope: 'all',
    role: 'admin',
    summary: 'List events that could not be counted, last seen first',
    answers: schemas.DeadLetterList,
  })
  async list(
    @Query({ schema: schemas.DeadLetterQuery }) query: schemas.DeadLetterQuery,
    @Caller() caller: Principal,
  ) {
    const { order, limit, after = null } = query;
    const rows = await this.deadLetters.list({
      filter: filterOf(query, caller),
      order,
      after,
      limit: limit + 1,
    });
    if (rows.length === 0) await this.deadLetters.requireSome(filterOf(query, caller));
    return presentPage(rows, { limit, idOf: (row) => row.id, present: presentDeadLetter });
  }

  @Route('GET /v1/admin/dead_letters/:id', {
    scope: 'all',
    role: 'admin',
    summary: 'Get an event that could not be counted',
    answers: schemas.DeadLetter,
  })
  async get(@Param({ schema: schemas.DeadLetterPath }) { id }: { id: string }, @Caller() caller: Principal) {
    const of = { id, entity: caller.entity };
    return presentDeadLetter(await this.deadLetters.get(of));
  }

  @Route('POST /v1/admin/dead_letters/:id/replay', {
    scope: 'all',
    role: 'admin',
    summary: 'Send the event to the queue again, as it is or with another usage format, time or model',
    answers: schemas.DeadLetter,
    idempotent: true,
  })
  async replay(
    @Param({ schema: schemas.DeadLetterPath }) { id }: { id: string },
    @Query({ schema: schemas.ResolutionQuery }) { dry_run: dryRun }: schemas.ResolutionQuery,
    @Body({ schema: schemas.Mending }) body: schemas.Mending,
    @Call() call: ChangeCall,
  ) {
    const mending = mendingOf(body);
    const deadLetter = await this.deadLetters.get({ id, entity: call.principal.entity });
    if (!dryRun && !(await this.changes.isRepetition(call))) {
      // Two calls with one key at the same time send it once; another caller's key, or another mending, is another call.
      const { idempotency, principal } = call;
      const once =
        idempotency === null
          ? null
          : `${principal.entity ?? '*'} ${idempotency.key} ${idempotency.requestHash} ${id}`;
      const sent = await this.deadLetters.send([deadLetter], { mending, once });
      if (sent.length === 0) throw changedMeanwhile();
    }
    return this.resolve(deadLetter, { status: 'replayed', mending, call, dryRun });
  }

  @Route('POST /v1/admin/dead_letters/:id/discard', {
    scope: 'all',
    role: 'admin',
    summary: 'Discard the event',
    answers: schemas.DeadLetter,
    idempotent: true,
  })
  async discard(
    @Param({ schema: schemas.DeadLetterPath }) { id }: { id: string },
    @Query({ schema: schemas.ResolutionQuery }) { dry_run: dryRun }: schemas.ResolutionQuery,
    @Call() call: ChangeCall,
  ) {
    const deadLetter = await this.deadLetters.get({ id, entity: call.principal.entity });
    return this.resolve(deadLetter, { status: 'discarded', mending: null, call, dryRun });
  }

  private resolve(
    deadLetter: DeadLetterRow,
    { call, dryRun, ...order }: Omit<Resolution, 'actor'> & { call: ChangeCall; dryRun: boolean },
  ) {
    const resolution = { ...order, actor: call.principal.keyId };
    const change = async (tx: Tx) =>
      presentDeadLetter(await this.deadLetters.resolve(tx, deadLetter, resolution));
    return this.changes.make(call, [], change, { dryRun });
  }

  @MayBeAJob()
  @Route('POST /v1/admin/dead_letters/replay', {
    scope: 'all',
    role: 'admin',
    summary: 'Send all events that match to the queue again, as they are or mended',
    answers: schemas.DeadLetterBatch,
    idempotent: true,
  })
  async replayMatching(
    @Query({ schema: schemas.ResolutionQuery }) query: schemas.ResolutionQuery,
    @Body({ schema: schemas.ReplayOrder }) body: schemas.ReplayOrder,
    @Call() call: ChangeCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const order = batchOrder(body, call, { status: 'replayed', mending: mendingOf(body.mend) });
    return this.resolveMatching(order, { dryRun: query.dry_run, call, reply });
  }

  @MayBeAJob()
  @Route('POST /v1/admin/dead_letters/discard', {
    scope: 'all',
    role: 'admin',
    summary: 'Discard all events that match',
    answers: schemas.DeadLetterBatch,
    idempotent: true,
  })
  async discardMatching(
    @Query({ schema: schemas.ResolutionQuery }) query: schemas.ResolutionQuery,
    @Body({ schema: schemas.DiscardOrder }) body: schemas.ResolveOrder,
    @Call() call: ChangeCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const order = batchOrder(body, call, { status: 'discarded', mending: null });
    return this.resolveMatching(order, { dryRun: query.dry_run, call, reply });
  }

  private async resolveMatching(
    order: BatchOrder,
    { dryRun, call, reply }: { dryRun: boolean; call: ChangeCall; reply: FastifyReply },
  ) {
    await this.deadLetters.requireSome(order.filter);
    if (dryRun) return this.job.preview(order);
    const job = await this.changes.make(call, [], async (tx) =>
      presentJob(await this.jobs.start(tx, resolutionOrder(order))),
    );
    return answerOf(this.jobs, job.id, reply);
  }
}

function changedMeanwhile(): TallyError {
  return new TallyError('conflict', 'somebody replayed or discarded it meanwhile: read it again', {
    param: 'id',
  });
}

function batchOrder(
  body: schemas.ResolveOrder,
  { principal }: ChangeCall,
  what: Pick<Resolution, 'status' | 'mending'>,
): BatchOrder {
  const filter = filterOf(body, principal);
  return { ...what, filter, limit: body.limit ?? null, actor: principal.keyId };
}

function filterOf(
  asked: schemas.DeadLetterQuery | schemas.ResolveOrder,
  caller: Principal,
): DeadLetterFilter {
  const { status = null, subject, code = null, reason = null } = asked;
  const { start_time: from = null, end_time: to = null } = asked;
  const entity = scopeOf(caller, asked);
  return { status, entity, project: subject?.project ?? null, code, reason, from, to };
}

function mendingOf(body: schemas.Mending): Mending | null {
  if (body === undefined || body === null) return null;
  const { usage_format = null, subject, time, model = null } = body;
  return {
    usageFormat: usage_format,
    subject: subject === undefined ? null : formatSubject(subject),
    time: time?.toISOString() ?? null,
    model,
  };
}
