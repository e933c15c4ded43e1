/** Admins: events that arrived again with other content than was counted. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { conflictIdOf } from './usage-conflicts.sql.js';
import { UsageConflicts } from './usage-conflicts.js';
import { presentConflict } from './conflicts.presenter.js';
import { presentPage } from '../http/list-page.js';
import { Caller, found, scopeOf, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './conflicts.schema.js';

@Controller()
export class ConflictsController {
  constructor(private readonly usageConflicts: UsageConflicts) {}

  @Route('GET /v1/admin/usage_conflicts', {
    role: 'admin',
    summary: 'List events that arrived again with other content than was counted, last seen first',
    answers: schemas.UsageConflictList,
  })
  async list(
    @Query({ schema: schemas.ConflictQuery }) query: schemas.ConflictQuery,
    @Caller() caller: Principal,
  ) {
    const { limit, after = null, status, start_time: from = null, end_time: to = null } = query;
    const filter = {
      isReviewed: status === undefined ? null : status === 'reviewed',
      entity: scopeOf(caller, query),
      project: query.subject?.project ?? null,
      from,
      to,
    };
    const page = { filter, scope: caller.entity, after, limit: limit + 1 };
    const rows = await this.usageConflicts.list(page);
    return presentPage(rows, { limit, idOf: conflictIdOf, present: presentConflict });
  }

  @Route('POST /v1/admin/usage_conflicts/:id/review', {
    role: 'admin',
    summary: 'Mark a conflict as reviewed',
    answers: schemas.UsageConflict,
  })
  async review(
    @Param({ schema: schemas.ConflictPath }) { id: key }: schemas.ConflictPath,
    @Body({ schema: schemas.ConflictReview }) body: schemas.ConflictReview,
    @Caller() caller: Principal,
  ) {
    const order = { key, scope: caller.entity, note: body?.note ?? null, actor: caller.keyId };
    return presentConflict(await found(caller, 'such conflict', this.usageConflicts.review(order)));
  }
}
