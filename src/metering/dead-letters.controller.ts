/** Admins: events that could not be counted. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import type { DeadLetterFilter } from './dead-letter.js';
import { DeadLetters } from './dead-letters.js';
import { presentPage } from '../http/list-page.js';
import { presentBatch, presentDeadLetter } from './dead-letters.presenter.js';
import { Caller, scopeOf, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './dead-letters.schema.js';

@Controller()
export class DeadLettersController {
  constructor(private readonly deadLetters: DeadLetters) {}

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
    const { limit, after = null } = query;
    const rows = await this.deadLetters.list({ filter: filterOf(query, caller), after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.id, present: presentDeadLetter });
  }

  @Route('POST /v1/admin/dead_letters/:id/replay', {
    scope: 'all',
    role: 'admin',
    summary: 'Send the event to the queue again',
    answers: schemas.DeadLetter,
  })
  async replay(
    @Param({ schema: schemas.DeadLetterPath }) { id }: { id: string },
    @Caller() caller: Principal,
  ) {
    return this.resolve(id, 'replayed', caller);
  }

  @Route('POST /v1/admin/dead_letters/:id/discard', {
    scope: 'all',
    role: 'admin',
    summary: 'Discard the event',
    answers: schemas.DeadLetter,
  })
  async discard(
    @Param({ schema: schemas.DeadLetterPath }) { id }: { id: string },
    @Caller() caller: Principal,
  ) {
    return this.resolve(id, 'discarded', caller);
  }

  private async resolve(id: string, status: 'replayed' | 'discarded', caller: Principal) {
    const order = { id, status, entity: caller.entity, actor: caller.keyId };
    return presentDeadLetter(await this.deadLetters.resolve(order));
  }

  @Route('POST /v1/admin/dead_letters/replay', {
    scope: 'all',
    role: 'admin',
    summary: 'Send all events that match to the queue again, a thousand a call',
    answers: schemas.DeadLetterBatch,
  })
  async replayMatching(
    @Body({ schema: schemas.ReplayOrder }) body: schemas.ResolveOrder,
    @Caller() caller: Principal,
  ) {
    return this.resolveMatching(body, 'replayed', caller);
  }

  @Route('POST /v1/admin/dead_letters/discard', {
    scope: 'all',
    role: 'admin',
    summary: 'Discard all events that match, a thousand a call',
    answers: schemas.DeadLetterBatch,
  })
  async discardMatching(
    @Body({ schema: schemas.DiscardOrder }) body: schemas.ResolveOrder,
    @Caller() caller: Principal,
  ) {
    return this.resolveMatching(body, 'discarded', caller);
  }

  private async resolveMatching(
    body: schemas.ResolveOrder,
    status: 'replayed' | 'discarded',
    caller: Principal,
  ) {
    const order = { filter: filterOf(body, caller), limit: body.limit, status, actor: caller.keyId };
    return presentBatch(status, await this.deadLetters.resolveMatching(order));
  }
}

function filterOf(
  asked: schemas.DeadLetterQuery | schemas.ResolveOrder,
  caller: Principal,
): DeadLetterFilter {
  const { status = null, subject, code = null, start_time: from = null, end_time: to = null } = asked;
  return { status, entity: scopeOf(caller, asked), project: subject?.project ?? null, code, from, to };
}
