/** Admins: events that could not be counted. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import type { DeadLetterFilter, Mending } from './dead-letter.js';
import { DeadLetters, type Resolution } from './dead-letters.js';
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
  })
  async replay(
    @Param({ schema: schemas.DeadLetterPath }) { id }: { id: string },
    @Body({ schema: schemas.Mending }) body: schemas.Mending,
    @Caller() caller: Principal,
  ) {
    return this.resolve(id, { status: 'replayed', mending: mendingOf(body), caller });
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
    return this.resolve(id, { status: 'discarded', mending: null, caller });
  }

  private async resolve(
    id: string,
    { status, mending, caller }: Pick<Resolution, 'status' | 'mending'> & { caller: Principal },
  ) {
    const order = { id, status, mending, entity: caller.entity, actor: caller.keyId };
    return presentDeadLetter(await this.deadLetters.resolve(order));
  }

  @Route('POST /v1/admin/dead_letters/replay', {
    scope: 'all',
    role: 'admin',
    summary: 'Send all events that match to the queue again, a thousand a call',
    answers: schemas.DeadLetterBatch,
  })
  async replayMatching(
    @Body({ schema: schemas.ReplayOrder }) body: schemas.ReplayOrder,
    @Caller() caller: Principal,
  ) {
    return this.resolveMatching(body, { status: 'replayed', mending: mendingOf(body.mend), caller });
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
    return this.resolveMatching(body, { status: 'discarded', mending: null, caller });
  }

  private async resolveMatching(
    body: schemas.ResolveOrder,
    { status, mending, caller }: Pick<Resolution, 'status' | 'mending'> & { caller: Principal },
  ) {
    const filter = filterOf(body, caller);
    const order = { filter, limit: body.limit, status, mending, actor: caller.keyId };
    return presentBatch(status, await this.deadLetters.resolveMatching(order));
  }
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
  const { usage_format = null, time, model = null } = body;
  return { usageFormat: usage_format, time: time?.toISOString() ?? null, model };
}
