/** Why a request was denied. What a gateway asks for each of its requests is in reservation-routes.ts. */
import { Controller, Param } from '@nestjs/common';
import { Caller, requireEntity, type Principal } from '../access/principal.js';
import { entityOfDecision } from '../domain/ids.js';
import { Route } from '../http/route.js';
import { presentDenied } from './quota.presenter.js';
import * as schemas from './quota.schema.js';
import { Quota } from './quota.js';

@Controller()
export class DecisionsController {
  constructor(private readonly quota: Quota) {}

  @Route('GET /v1/quota/decisions/:id', {
    scope: 'own',
    role: 'gateway',
    alsoFor: ['finance'],
    summary: 'Why a request was denied: what was booked, held and asked, for a day',
    answers: schemas.DeniedDecision,
  })
  async explain(
    @Param({ schema: schemas.DecisionPath }) { id }: { id: string },
    @Caller() caller: Principal,
  ) {
    requireEntity(caller, entityOfDecision(id));
    return presentDenied(await this.quota.explain(id));
  }
}
