/**
 * May this request run? One Redis script decides. A state that Redis does not know is loaded from Postgres first. While Redis is
 * unavailable Postgres decides; while both are, `failMode` does.
 */
import type { Subject } from '../domain/ids.js';
import { denialOf, type NextHold } from '../domain/quota-denial.js';
import { remainingOf, type ExceededLimit } from '../domain/quota-limits.js';
import type { Asked, CheckDecision, Denied, ReserveDecision, VersionedQuestion } from './decision.js';
import type { DenialExplanations } from './denial-explanations.js';
import { basisOf, type HoldSize, type HoldSizes } from './hold-size.js';
import type { PostgresFallback, Refusal } from './postgres-fallback.js';
import { conflict, modelNotFound, usedUp } from './quota-errors.js';
import type { RedisDecisions } from './redis-decisions.js';
import type { RedisQuota } from './redis-quota.js';
import type { Reservation, ReservationOrder } from './reservation.js';
import type { AdmittedReply } from './script-replies.js';

/** What is answered to a request of a model without a price, whatever the entity's limits. */
export type UnpricedModels = 'deny' | 'admit';

type Parts = {
  readonly redis: RedisQuota;
  readonly decisions: RedisDecisions;
  readonly fallback: PostgresFallback;
  readonly holdSizes: HoldSizes;
  readonly explanations: DenialExplanations;
  readonly unpricedModels: UnpricedModels;
};

export class Admissions {
  constructor(private readonly parts: Parts) {}

  /** Holds what the request may cost, or says which limit is in the way. Throws for a model without a price. */
  async reserve(order: ReservationOrder): Promise<ReserveDecision> {
    const { redis, decisions, holdSizes } = this.parts;
    const sized = holdSizes.of(order);
    const size = sized instanceof Promise ? await sized : sized;
    if (this.parts.unpricedModels === 'deny' && size.unpriced !== null) throw modelNotFound(size.unpriced);
    const answer = await decisions.ask(order.subject, (age) => redis.reserve(order, size, age));
    if (answer === null) return this.reserveWithoutRedis(order, size);
    const { reply } = answer;
    const degraded = answer.degraded || size.isDegraded;
    if (reply.verdict === 'conflict') throw conflict();
    if (reply.verdict === 'ended') throw usedUp();
    const { question } = reply;
    if (reply.verdict === 'denied')
      return this.deny(question, reply, { asked: askedBy(order, size), degraded });
    const exceeded = reply.verdict === 'held' ? reply.exceeded : null;
    const shadow =
      exceeded === null ? null : this.deny(question, exceeded, { asked: askedBy(order, size), degraded });
    const reservation = reservationOf(order, size, reply);
    return { allowed: true, degraded, source: 'redis', mode: question.entity.mode, shadow, reservation };
  }

  private async reserveWithoutRedis(order: ReservationOrder, size: HoldSize): Promise<ReserveDecision> {
    const answer = await this.parts.fallback.reserve(order, size);
    const keep = (refusal: Refusal) => this.denyWithoutRedis(refusal, askedBy(order, size));
    if ('denial' in answer) return keep(answer);
    const { hold, remaining, mode, shadowed, source } = answer;
    const basis = mode === 'off' ? 'none' : basisOf(order, size, hold.holdPicos);
    const shadow = shadowed === null ? null : keep(shadowed);
    const reservation = { ...hold, basis, remaining };
    return { allowed: true, degraded: true, source, mode, shadow, reservation };
  }

  /** Decides without holding: denies where no room is left at all. A null `model` is any. */
  async check(subject: Subject, model: string | null): Promise<CheckDecision> {
    const { redis, decisions, holdSizes, unpricedModels } = this.parts;
    if (unpricedModels === 'deny' && model !== null) {
      const unpriced = holdSizes.isUnpriced({ model, entity: subject.entity });
      if (unpriced instanceof Promise ? await unpriced : unpriced) throw modelNotFound(model);
    }
    const answer = await decisions.ask(subject, (age) => redis.check(subject, age));
    if (answer === null) return this.checkWithoutRedis(subject);
    const { reply, degraded } = answer;
    const { question } = reply;
    const { mode, period } = question.entity;
    const denied =
      reply.verdict === 'denied'
        ? this.deny(question, reply, { asked: askedByCheck(subject), degraded })
        : null;
    if (denied !== null && mode !== 'shadow') return denied;
    const remaining = remainingOf(question);
    return { allowed: true, degraded, source: 'redis', mode, shadow: denied, subject, period, remaining };
  }

  private async checkWithoutRedis(subject: Subject): Promise<CheckDecision> {
    const answer = await this.parts.fallback.check(subject);
    const keep = (refusal: Refusal) => this.denyWithoutRedis(refusal, askedByCheck(subject));
    if ('denial' in answer) return keep(answer);
    const { shadowed, ...admission } = answer;
    const shadow = shadowed === null ? null : keep(shadowed);
    return { allowed: true, degraded: true, ...admission, subject, shadow };
  }

  private deny(
    question: VersionedQuestion,
    exceeded: ExceededLimit & { readonly nextHold?: NextHold | null },
    { asked, degraded }: { asked: Asked; degraded: boolean },
  ): Denied {
    const denial = denialOf(question, exceeded, exceeded.nextHold);
    return this.parts.explanations.keep({ question, denial, asked, degraded }, 'redis');
  }

  private denyWithoutRedis(refusal: Refusal, asked: Asked): Denied {
    return this.parts.explanations.keep({ ...refusal, asked, degraded: true }, 'postgres');
  }
}

/** Field by field: a spread would make a hidden class for each call. */
function reservationOf(order: ReservationOrder, size: HoldSize, reply: AdmittedReply): Reservation {
  const isOff = reply.verdict === 'off';
  const holdPicos = reply.verdict === 'held' ? reply.holdPicos : 0n;
  return {
    id: order.id,
    subject: order.subject,
    model: order.model,
    fallbacks: order.fallbacks,
    inputTokens: order.inputTokens,
    inputBytes: order.inputBytes,
    maxOutputTokens: order.maxOutputTokens,
    inputCount: order.inputCount,
    outputCount: order.outputCount,
    serviceTier: order.serviceTier,
    region: order.region,
    requestId: order.requestId,
    period: reply.period,
    holdPicos,
    expiresMs: reply.expiresMs,
    // Unknown for a repeated request, and of no use in an answer.
    sinceMs: null,
    basis: isOff ? 'none' : basisOf(order, size, holdPicos),
    remaining: remainingOf(reply.question),
  };
}

/** A limit of money denies by the worst case, because a learned size is held only far from every limit. */
function askedBy(order: ReservationOrder, { worstPicos: holdPicos }: HoldSize): Asked {
  const { subject, model, inputTokens, maxOutputTokens, serviceTier, region, requestId } = order;
  const content = { subject, model, inputTokens, maxOutputTokens, serviceTier, region };
  return { kind: 'reservation', ...content, requestId, holdPicos };
}

function askedByCheck(subject: Subject): Asked {
  const nothing = { model: null, inputTokens: null, maxOutputTokens: null, requestId: null, holdPicos: null };
  return { kind: 'check', subject, ...nothing };
}
