/** Admins: what could not be counted, what contradicts itself, who changed what, and whether the books agree. */
import { Controller, Param, Query } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { findAuditEntries } from '../store/audit-log.js';
import { Database } from '../store/database.js';
import { DeadLetters } from '../usage/dead-letters.service.js';
import { ReconciliationService } from '../usage/reconciliation.service.js';
import { presentPage } from './presenters/list.js';
import { presentAuditEntry, presentConflict, presentDeadLetter } from './presenters/review.js';
import { Caller, missing, requireEntity, type Principal } from './principal.js';
import { Route } from './route.js';
import * as schemas from './schemas/review.js';

@Controller()
export class ReviewController {
  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly reconciliation: ReconciliationService,
    private readonly database: Database,
  ) {}

  @Route('GET /v1/admin/dead_letters', {
    role: 'admin',
    summary: 'List events that could not be counted, newest first',
    answers: schemas.DeadLetterList,
  })
  async list(
    @Query({ schema: schemas.LetterQuery }) query: schemas.LetterQuery,
    @Caller() caller: Principal,
  ) {
    const { limit, status = null } = query;
    const entity = scopeOf(caller, query.entity);
    const rows = await this.deadLetters.list({ status, entity, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.id, present: presentDeadLetter });
  }

  @Route('POST /v1/admin/dead_letters/:id/replay', {
    role: 'admin',
    summary: 'Send the event to the queue again',
    answers: schemas.DeadLetter,
  })
  async replay(@Param({ schema: schemas.LetterPath }) { id }: { id: string }, @Caller() caller: Principal) {
    const answer = { id, entity: caller.entity, actor: caller.keyId };
    return presentDeadLetter(await within(caller, this.deadLetters.replay(answer)));
  }

  @Route('POST /v1/admin/dead_letters/:id/discard', {
    role: 'admin',
    summary: 'Give the event up',
    answers: schemas.DeadLetter,
  })
  async discard(@Param({ schema: schemas.LetterPath }) { id }: { id: string }, @Caller() caller: Principal) {
    const answer = { id, entity: caller.entity, actor: caller.keyId };
    return presentDeadLetter(await within(caller, this.deadLetters.discard(answer)));
  }

  @Route('GET /v1/admin/usage_conflicts', {
    role: 'admin',
    summary: 'List contents that came under an identity counted before, newest first',
    answers: schemas.UsageConflictList,
  })
  async conflicts(
    @Query({ schema: schemas.ConflictQuery }) query: schemas.ConflictQuery,
    @Caller() caller: Principal,
  ) {
    const { limit } = query;
    const rows = await this.deadLetters.conflicts({
      entity: scopeOf(caller, query.entity),
      limit: limit + 1,
    });
    return presentPage(rows, { limit, idOf: (row) => row.identity, present: presentConflict });
  }

  @Route('GET /v1/admin/audit_log', {
    role: 'admin',
    summary: 'List changes, newest first',
    answers: schemas.AuditList,
  })
  async audit(@Query({ schema: schemas.AuditQuery }) query: schemas.AuditQuery, @Caller() caller: Principal) {
    const { limit, after: before = null } = query;
    const page = { entity: scopeOf(caller, query.entity), before, limit: limit + 1 };
    const rows = await findAuditEntries(this.database.reader, page);
    return presentPage(rows, { limit, idOf: (row) => String(row.id), present: presentAuditEntry });
  }

  @Route('GET /v1/admin/reconciliation', {
    role: 'admin',
    allEntities: true,
    summary: 'Check the books against each other, now',
    answers: schemas.Reconciliation,
  })
  async reconcile() {
    return { object: 'reconciliation', ...(await this.reconciliation.run()) };
  }
}

/** The entity that a list is narrowed to: the key's own, else the one that was asked for, else all. */
function scopeOf(caller: Principal, asked: string | undefined): string | null {
  if (asked !== undefined) requireEntity(caller, asked);
  return asked ?? caller.entity;
}

async function within<T>(caller: Principal, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof TallyError && error.code === 'not_found') throw missing(caller, 'such dead letter');
    throw error;
  }
}
