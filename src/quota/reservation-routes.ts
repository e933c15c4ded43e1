/** The routes that a gateway calls for each request: reserve, release, extend, check. */
import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { principalOf, requireEntity, type Principal } from '../access/principal.js';
import { entityOfReservation, reservationIdOf, type EntityName } from '../domain/ids.js';
import type { GatewayRequest, GatewayRoute } from '../http/gateway-routes.js';
import { SUBJECT_PATTERN } from '../http/fields.js';
import { parseRequest } from '../http/schema-pipe.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import type { CheckDecision, ReserveDecision } from './decision.js';
import { denialError, presentDecision, presentHold, presentReservation } from './quota.presenter.js';
import * as schemas from './quota.schema.js';
import { Quota } from './quota.js';
import { isUsualRelease, readUsualOrder } from './usual-order.js';

const NO_FALLBACKS: readonly string[] = [];

const MADE = { event: 'made' } as const;
const RELEASED = { event: 'released' } as const;

@Injectable()
export class ReservationCalls {
  constructor(
    private readonly quota: Quota,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    metrics.registry.registerMetric(
      new Gauge({
        name: 'tally_quota_local_holds',
        help: 'Holds that this process has made while Redis was unavailable and not handed over to it yet.',
        registers: [],
        collect() {
          this.set(quota.localHoldCount);
        },
      }),
    );
  }

  async reserve(body: schemas.ReservationOrder, caller: Principal) {
    requireEntity(caller, body.project.entity);
    const requestId = body.request_id ?? null;
    const inputTokens = body.input_tokens ?? null;
    const maxOutputTokens = body.max_output_tokens ?? null;
    const isList = typeof body.model !== 'string';
    const decision = await this.quota.reserve({
      id: reservationIdOf(body.project, requestId),
      subject: body.project,
      model: isList ? body.model[0]! : (body.model as string),
      fallbacks: isList ? [...new Set(body.model)].slice(1) : NO_FALLBACKS,
      inputTokens,
      inputBytes: inputTokens === null ? (body.input_bytes ?? null) : null,
      maxOutputTokens,
      inputCount: inputTokens === null ? (body.input_count ?? 1) : 1,
      outputCount: maxOutputTokens === null ? (body.output_count ?? 1) : 1,
      serviceTier: body.service_tier ?? null,
      region: body.region ?? null,
      requestId,
      ttlSeconds: body.ttl_seconds,
    });
    this.note(decision, body.project.entity);
    if (!decision.allowed) throw denialError(decision);
    if (decision.mode !== 'off') this.metrics.holds.inc(MADE);
    return presentReservation(decision);
  }

  async release(id: string, caller: Principal) {
    requireEntity(caller, entityOfReservation(id));
    await this.quota.release(id);
    this.metrics.holds.inc(RELEASED);
    return { object: 'quota.reservation', id, released: true };
  }

  async releaseRequest({ project, request_id }: schemas.ReleaseOrder, caller: Principal) {
    requireEntity(caller, project.entity);
    const id = reservationIdOf(project, request_id);
    await this.quota.release(id);
    this.metrics.holds.inc(RELEASED);
    return { object: 'quota.reservation', id, released: true };
  }

  async extend(id: string, body: schemas.Extension, caller: Principal) {
    requireEntity(caller, entityOfReservation(id));
    return presentHold(await this.quota.extend(id, body.ttl_seconds));
  }

  async check({ 'OpenAI-Project': subject, 'X-Model': model }: schemas.CheckHeaders, caller: Principal) {
    requireEntity(caller, subject.entity);
    const decision = await this.quota.check(subject, model ?? null);
    this.note(decision, subject.entity);
    if (!decision.allowed) throw denialError(decision);
    return presentDecision(decision);
  }

  /** A shadow denial is counted under its limit and its mode, and logged as often as denials are kept. */
  private note(decision: ReserveDecision | CheckDecision, entity: EntityName): void {
    const denied = decision.allowed ? decision.shadow : decision;
    const mode = decision.allowed ? decision.mode : 'enforce';
    const { source } = decision;
    const degraded = String(decision.degraded);
    this.metrics.quotaDecisions.inc({ decision: denied?.denial.limit ?? 'allowed', mode, degraded, source });
    if (mode !== 'shadow' || denied === null || !denied.isKept) return;
    const { denial, decisionId } = denied;
    this.logger.info('would be denied', { entity, limit: denial.limit, decision_id: decisionId });
  }
}

type Path = { readonly id: string };

const RESERVE: GatewayRoute<ReservationCalls> = {
  method: 'POST',
  path: '/v1/quota/reservations',
  operationId: 'Quota.reserve',
  role: 'gateway',
  scope: 'own',
  summary: 'Ask whether a request may run, and hold what it may cost',
  body: schemas.ReservationOrder,
  usual: ({ params, body }) => {
    const order = readUsualOrder(body);
    return order === null ? null : { params, body: order };
  },
  answers: schemas.Reservation,
  status: 201,
  answer: (calls, request: { body: schemas.ReservationOrder; raw: GatewayRequest }) =>
    calls.reserve(request.body, principalOf(request.raw)),
};

const RELEASE: GatewayRoute<ReservationCalls> = {
  method: 'POST',
  path: '/v1/quota/reservations/:id/release',
  operationId: 'Quota.release',
  role: 'gateway',
  scope: 'own',
  summary: 'End a hold without a charge; may be repeated',
  params: schemas.ReservationPath,
  body: schemas.NoBody,
  usual: (request) => (isUsualRelease(request) ? request : null),
  answers: schemas.Released,
  answer: (calls, request: { params: Path; raw: GatewayRequest }) =>
    calls.release(request.params.id, principalOf(request.raw)),
};

const RELEASE_REQUEST: GatewayRoute<ReservationCalls> = {
  method: 'POST',
  path: '/v1/quota/reservations/release',
  operationId: 'Quota.releaseRequest',
  role: 'gateway',
  scope: 'own',
  summary: 'End the hold of a request by its request id, without a charge; may be repeated',
  body: schemas.ReleaseOrder,
  answers: schemas.Released,
  answer: (calls, request: { body: schemas.ReleaseOrder; raw: GatewayRequest }) =>
    calls.releaseRequest(request.body, principalOf(request.raw)),
};

const EXTEND: GatewayRoute<ReservationCalls> = {
  method: 'POST',
  path: '/v1/quota/reservations/:id/extend',
  operationId: 'Quota.extend',
  role: 'gateway',
  scope: 'own',
  summary: 'Keep a hold for longer, for a long stream',
  params: schemas.ReservationPath,
  body: schemas.Extension,
  answers: schemas.Hold,
  answer: (calls, request: { params: Path; body: schemas.Extension; raw: GatewayRequest }) =>
    calls.extend(request.params.id, request.body, principalOf(request.raw)),
};

const CHECK: GatewayRoute<ReservationCalls> = {
  method: 'GET',
  path: '/v1/quota/check',
  operationId: 'Quota.check',
  role: 'gateway',
  scope: 'own',
  summary: 'Decide without holding: denied where no room is left at all',
  headers: [
    {
      name: 'OpenAI-Project',
      required: true,
      description: 'entity/project',
      pattern: SUBJECT_PATTERN,
      example: 'entity1/project1',
    },
    {
      name: 'X-Model',
      required: false,
      description: 'The model that is asked for',
      pattern: schemas.MODEL_PATTERN,
      example: 'cw_meta-llama_Llama-3.3-70B-Instruct',
    },
  ],
  answers: schemas.Decision,
  answer: (calls, { raw }) => {
    const { 'openai-project': project, 'x-model': model } = raw.headers;
    const asked = { 'OpenAI-Project': project, 'X-Model': model };
    return calls.check(parseRequest(schemas.CheckHeaders, asked, 'headers'), principalOf(raw));
  },
};

export const RESERVATION_ROUTES = [RESERVE, RELEASE, RELEASE_REQUEST, EXTEND, CHECK];
