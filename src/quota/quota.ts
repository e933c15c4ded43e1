/**
 * May this request run? One Redis script decides. A state that Redis does not know is loaded from Postgres first. While Redis is
 * unavailable Postgres decides; while both are, `failMode` does.
 */
import { Inject, Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { entityOfReservation, type EntityName, type Subject } from '../domain/ids.js';
import { denialOf } from '../domain/quota-denial.js';
import { remainingOf, type ExceededLimit, type QuotaState } from '../domain/quota-limits.js';
import { Allowances } from '../credits/allowances.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { isUnavailable } from '../platform/unavailable.js';
import { RedisNodes } from '../platform/redis-nodes.js';
import { QUOTA_REDIS } from '../platform/redis.js';
import { PriceBook } from '../prices/price-book.js';
import type {
  Asked,
  CheckDecision,
  Denied,
  DeniedDecision,
  ReserveDecision,
  VersionedQuestion,
} from './decision.js';
import { DenialExplanations } from './denial-explanations.js';
import type { DeniedHour } from './denial-log.js';
import { EntityLoads } from './entity-loads.js';
import { basisOf, HoldSizes, type HoldSize } from './hold-size.js';
import { HoldList } from './hold-list.js';
import { LearnedOutputs } from './learned-outputs.js';
import { Leases } from './leases.js';
import { PostgresFallback, type QuotaFailMode, type Refusal } from './postgres-fallback.js';
import { conflict, modelNotFound, notFound, overloaded, usedUp } from './quota-errors.js';
import type { QuotaSubject } from './quota-state.sql.js';
import { RedisBreakers } from './redis-breakers.js';
import { RedisDecisions } from './redis-decisions.js';
import { RedisLeases } from './redis-leases.js';
import { RedisQuota } from './redis-quota.js';
import type { Hold, Reservation, ReservationOrder } from './reservation.js';
import type { AdmittedReply } from './script-replies.js';
import { StateCache } from './state-cache.js';

/** The token of `QUOTA_FAIL_MODE`: what is answered when neither Redis nor Postgres can decide. */
export const QUOTA_FAIL_MODE = Symbol('QUOTA_FAIL_MODE');

/** The token of `UNPRICED_MODELS`: what is answered to a request of a model without a price, whatever the entity's limits. */
export const UNPRICED_MODELS = Symbol('UNPRICED_MODELS');
export type UnpricedModels = 'deny' | 'admit';

const EXPLANATION_MISSING = 'denials are kept for a day, and of one entity 30 a minute';

@Injectable()
export class Quota {
  private readonly redis: RedisQuota;
  private readonly states: StateCache;
  private readonly decisions: RedisDecisions;
  private readonly fallback: PostgresFallback;
  private readonly learned: LearnedOutputs;
  private readonly holdSizes: HoldSizes;
  private readonly explanations: DenialExplanations;
  /** For gateways that decide themselves, on a slice of what is left. */
  readonly leases: Leases;
  readonly holds: HoldList;
  readonly loads: EntityLoads;

  constructor(
    @Inject(QUOTA_REDIS) redis: RedisNodes,
    database: Database,
    clock: Clock,
    prices: PriceBook,
    allowances: Allowances,
    @Inject(QUOTA_FAIL_MODE) failMode: QuotaFailMode,
    @Inject(UNPRICED_MODELS) private readonly unpricedModels: UnpricedModels,
  ) {
    const breakers = new RedisBreakers(redis);
    this.redis = new RedisQuota(redis, clock, breakers);
    this.states = new StateCache(this.redis, redis, database, clock, allowances);
    this.fallback = new PostgresFallback(this.states, clock, failMode);
    this.decisions = new RedisDecisions(this.redis, this.states, this.fallback);
    this.learned = new LearnedOutputs(database, clock);
    this.holdSizes = new HoldSizes(prices, this.learned, clock);
    this.explanations = new DenialExplanations(breakers, this.redis.keys, clock);
    this.leases = new Leases(new RedisLeases(this.redis), this.decisions, this.holdSizes);
    this.holds = new HoldList(this.redis);
    this.loads = new EntityLoads(this.redis, this.explanations);
    // A database that returns may have been set back to an earlier time; decisions wait for the states that it has now.
    database.onReturn(() => this.redis.invalidateStates());
  }

  /** Holds that this process has made while Redis was unavailable, and not handed over yet. */
  get localHoldCount(): number {
    return this.fallback.holdCount;
  }

  /** Holds what the request may cost, or says which limit is in the way. Throws for a model without a price. */
  async reserve(order: ReservationOrder): Promise<ReserveDecision> {
    const sized = this.holdSizes.of(order);
    const size = sized instanceof Promise ? await sized : sized;
    if (this.unpricedModels === 'deny' && size.unpriced !== null) throw modelNotFound(size.unpriced);
    const answer = await this.decisions.ask(order.subject, (age) => this.redis.reserve(order, size, age));
    if (answer === null) return this.reserveWithoutRedis(order, size);
    const { reply } = answer;
    const degraded = answer.degraded || size.isDegraded;
    if (reply.verdict === 'conflict' || reply.verdict === 'ended') throw refusalOf(reply.verdict);
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
    const answer = await this.fallback.reserve(order, size);
    const keep = (refusal: Refusal) =>
      this.explanations.keep({ ...refusal, asked: askedBy(order, size), degraded: true }, 'postgres');
    if ('denial' in answer) return keep(answer);
    const { hold, remaining, mode, shadowed, source } = answer;
    const basis = mode === 'off' ? 'none' : basisOf(order, size, hold.holdPicos);
    const shadow = shadowed === null ? null : keep(shadowed);
    const reservation = { ...hold, basis, remaining };
    return { allowed: true, degraded: true, source, mode, shadow, reservation };
  }

  /** Decides without holding: denies where no room is left at all. A null `model` is any. */
  async check(subject: Subject, model: string | null = null): Promise<CheckDecision> {
    if (this.unpricedModels === 'deny' && model !== null) {
      const unpriced = this.holdSizes.isUnpriced({ model, entity: subject.entity });
      if (unpriced instanceof Promise ? await unpriced : unpriced) throw modelNotFound(model);
    }
    const answer = await this.decisions.ask(subject, (age) => this.redis.check(subject, age));
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
    const answer = await this.fallback.check(subject);
    const keep = (refusal: Refusal) =>
      this.explanations.keep({ ...refusal, asked: askedByCheck(subject), degraded: true }, 'postgres');
    if ('denial' in answer) return keep(answer);
    const { shadowed, ...admission } = answer;
    const shadow = shadowed === null ? null : keep(shadowed);
    return { allowed: true, degraded: true, ...admission, subject, shadow };
  }

  private deny(
    question: VersionedQuestion,
    exceeded: ExceededLimit,
    { asked, degraded }: { asked: Asked; degraded: boolean },
  ): Denied {
    const denial = denialOf(question, exceeded);
    return this.explanations.keep({ question, denial, asked, degraded }, 'redis');
  }

  /** Ends a hold without a charge. Repeated, or after its end, it changes nothing. While Redis is unavailable the hold expires. */
  async release(id: string): Promise<void> {
    const entity = entityOf(id);
    const told = await undefinedIfUnavailable(this.redis.release(entity, id));
    this.fallback.release(entity, id, told !== undefined);
  }

  /** Keeps a hold until `ttlSeconds` from now, or for as long as it would last anyway. */
  async extend(id: string, ttlSeconds: number): Promise<Hold> {
    const entity = entityOf(id);
    const local = this.fallback.extend(entity, id, ttlSeconds);
    const hold = local ?? (await undefinedIfUnavailable(this.redis.extend(entity, id, ttlSeconds)));
    if (hold === undefined) throw overloaded();
    if (hold === null) throw notFound(id);
    return hold;
  }

  /** The entity's newest denials, and how many there were by hour and limit. Throws Unavailable. */
  async denials(entity: EntityName): Promise<{ denials: DeniedDecision[]; hours: DeniedHour[] }> {
    return this.explanations.newest(entity);
  }

  /** Why the request was denied. */
  async explain(decisionId: string): Promise<DeniedDecision> {
    const found = await undefinedIfUnavailable(this.explanations.find(decisionId));
    if (found === undefined) throw overloaded();
    if (found === null)
      throw new TallyError('not_found', `no denial ${decisionId}: ${EXPLANATION_MISSING}`, { param: 'id' });
    return found;
  }

  /** What the entity's requests in flight hold; null while Redis is unavailable. */
  async held(entity: EntityName): Promise<{ heldPicos: bigint; requestCount: number } | null> {
    return (await undefinedIfUnavailable(this.redis.held(entity))) ?? null;
  }

  /**
   * Copies the current states of these subjects from Postgres to Redis, and ends the holds. Call it after the commit. Throws
   * while either is unavailable; then the holds expire, and this process loads the states before it decides by them.
   */
  async publish(
    subjects: readonly QuotaSubject[],
    endedReservationIds: readonly string[] = [],
  ): Promise<void> {
    await this.states.publish(subjects, endedReservationIds);
  }

  /**
   * The same with states that the caller read in its transaction, after its changes and under the locks of the entities, so that nothing
   * is read here. Postgres is asked only where Redis has a later state.
   */
  async publishStates(
    states: readonly QuotaState[],
    endedReservationIds: readonly string[] = [],
  ): Promise<void> {
    await this.states.publishStates(states, endedReservationIds);
  }

  /**
   * Leaves nothing of an entity that was deleted: its state, holds, leases and denials in Redis, and what this process learned of it. During an
   * outage of Redis its state is replaced afterwards, and the rest expires.
   */
  async forget(entity: EntityName): Promise<void> {
    this.learned.forget(entity);
    this.explanations.forget(entity);
    this.fallback.forget(entity);
    await this.publishNowOrLater([{ entity, project: null }]);
    await undefinedIfUnavailable(this.redis.forget(entity));
  }

  /** As `publish`, for a committed change that must be answered now: during an outage it is published as soon as that is over. */
  async publishNowOrLater(subjects: readonly QuotaSubject[]): Promise<void> {
    await this.states.publish(subjects, []).catch((error: unknown) => {
      if (!isUnavailable(error)) throw error;
    });
  }
}

/** Of a request id that was used. */
function refusalOf(verdict: 'conflict' | 'ended'): TallyError {
  return verdict === 'conflict' ? conflict() : usedUp();
}

function reservationOf(order: ReservationOrder, size: HoldSize, reply: AdmittedReply): Reservation {
  const { id, subject, model, fallbacks, inputTokens, inputBytes, maxOutputTokens, serviceTier, region } =
    order;
  const isOff = reply.verdict === 'off';
  const holdPicos = reply.verdict === 'held' ? reply.holdPicos : 0n;
  return {
    id,
    subject,
    model,
    fallbacks,
    inputTokens,
    inputBytes,
    maxOutputTokens,
    serviceTier,
    region,
    requestId: order.requestId,
    period: reply.period,
    holdPicos,
    expiresMs: reply.expiresMs,
    // Not known of a repeated request, and of no use in an answer.
    sinceMs: null,
    basis: isOff ? 'none' : basisOf(order, size, holdPicos),
    remaining: remainingOf(reply.question),
  };
}

/** Where a limit of money denied, the worst case was weighed, because a learned size is held only far from every limit. */
function askedBy(order: ReservationOrder, { worstPicos: holdPicos }: HoldSize): Asked {
  const { subject, model, inputTokens, maxOutputTokens, serviceTier, region, requestId } = order;
  const content = { subject, model, inputTokens, maxOutputTokens, serviceTier, region };
  return { kind: 'reservation', ...content, requestId, holdPicos };
}

function askedByCheck(subject: Subject): Asked {
  const nothing = { model: null, inputTokens: null, maxOutputTokens: null, requestId: null, holdPicos: null };
  return { kind: 'check', subject, ...nothing };
}

async function undefinedIfUnavailable<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isUnavailable(error, 'redis')) return undefined;
    throw error;
  }
}

function entityOf(reservationId: string): EntityName {
  const entity = entityOfReservation(reservationId);
  if (entity === null) throw notFound(reservationId);
  return entity;
}
