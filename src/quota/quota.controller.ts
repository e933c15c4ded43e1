/** Gateways: may this request run, and what it may still cost. */
import { Body, Controller, Headers, Param } from '@nestjs/common';
import { entityOfDecision, entityOfReservation, reservationIdOf, type EntityName } from '../domain/ids.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import type { CheckDecision, ReserveDecision } from './decision.js';
import { Quota } from './quota.js';
import {
  denialError,
  presentDecision,
  presentDenied,
  presentHold,
  presentReservation,
} from './quota.presenter.js';
import { Caller, requireEntity, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import { parseRequest } from '../http/schema-pipe.js';
import * as schemas from './quota.schema.js';

const CHECK_HEADERS = [
  { name: 'OpenAI-Project', required: true, description: 'entity/project' },
  { name: 'X-Model', required: false, description: 'The model that is asked for' },
];

@Controller()
export class QuotaController {
  constructor(
    private readonly quota: Quota,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {}

  @Route('POST /v1/quota/reservations', {
    role: 'gateway',
    summary: 'Ask whether a request may run, and hold what it may cost',
    isDirect: true,
    answers: schemas.Reservation,
    status: 201,
  })
  async reserve(
    @Body({ schema: schemas.ReservationOrder }) body: schemas.ReservationOrder,
    @Caller() caller: Principal,
  ) {
    requireEntity(caller, body.project.entity);
    const requestId = body.request_id ?? null;
    const decision = await this.quota.reserve({
      id: reservationIdOf(body.project, requestId),
      subject: body.project,
      model: body.model,
      inputTokens: body.input_tokens ?? null,
      maxOutputTokens: body.max_output_tokens ?? null,
      requestId,
      ttlSeconds: body.ttl_seconds,
    });
    this.note(decision, body.project.entity);
    if (!decision.allowed) throw denialError(decision);
    return presentReservation(decision);
  }

  @Route('POST /v1/quota/reservations/:id/release', {
    role: 'gateway',
    summary: 'End a hold without a charge; again is fine',
    isDirect: true,
    answers: schemas.Released,
  })
  async release(
    @Param({ schema: schemas.ReservationPath }) { id }: { id: string },
    @Body({ schema: schemas.NoBody }) _body: unknown,
    @Caller() caller: Principal,
  ) {
    requireEntity(caller, entityOfReservation(id));
    await this.quota.release(id);
    return { object: 'quota.reservation', id, released: true };
  }

  @Route('POST /v1/quota/reservations/:id/extend', {
    role: 'gateway',
    summary: 'Keep a hold for longer, for a long stream',
    isDirect: true,
    answers: schemas.Hold,
  })
  async extend(
    @Param({ schema: schemas.ReservationPath }) { id }: { id: string },
    @Body({ schema: schemas.Extension }) body: schemas.Extension,
    @Caller() caller: Principal,
  ) {
    requireEntity(caller, entityOfReservation(id));
    return presentHold(await this.quota.extend(id, body.ttl_seconds));
  }

  @Route('GET /v1/quota/check', {
    role: 'gateway',
    summary: 'Decide without holding: denied where no room is left at all',
    isDirect: true,
    answers: schemas.Decision,
    headers: CHECK_HEADERS,
  })
  async check(
    @Headers('openai-project') project: unknown,
    @Headers('x-model') model: unknown,
    @Caller() caller: Principal,
  ) {
    const { 'OpenAI-Project': subject } = parseRequest(
      schemas.CheckHeaders,
      { 'OpenAI-Project': project, 'X-Model': model },
      'headers',
    );
    requireEntity(caller, subject.entity);
    const decision = await this.quota.check(subject);
    this.note(decision, subject.entity);
    if (!decision.allowed) throw denialError(decision);
    return presentDecision(decision);
  }

  @Route('GET /v1/quota/decisions/:id', {
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

  /** A shadow denial is counted under its limit and its mode, and logged as often as denials are kept. */
  private note(decision: ReserveDecision | CheckDecision, entity: EntityName): void {
    const denied = decision.allowed ? decision.shadow : decision;
    const mode = decision.allowed ? decision.mode : 'enforce';
    const degraded = String(decision.degraded);
    this.metrics.quotaDecisions.inc({ decision: denied?.denial.limit ?? 'allowed', mode, degraded });
    if (mode !== 'shadow' || denied === null || !denied.isKept) return;
    const { denial, decisionId } = denied;
    this.logger.info('would be denied', { entity, limit: denial.limit, decision_id: decisionId });
  }
}
