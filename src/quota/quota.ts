/** What the rest of Tally asks of quota: decisions, the ends of holds, explanations, and the publication of states. */
import { Inject, Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { entityOfReservation, type EntityName, type Subject } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-limits.js';
import { Allowances } from '../credits/allowances.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { isUnavailable } from '../platform/unavailable.js';
import { RedisNodes } from '../platform/redis-nodes.js';
import { QUOTA_REDIS } from '../platform/redis.js';
import { PriceBook } from '../prices/price-book.js';
import { Admissions, type UnpricedModels } from './admissions.js';
import type { CheckDecision, DeniedDecision, ReserveDecision } from './decision.js';
import { DenialExplanations } from './denial-explanations.js';
import type { DeniedHour } from './denial-log.js';
import { EntityLoads } from './entity-loads.js';
import { HoldSizes } from './hold-size.js';
import { HoldList } from './hold-list.js';
import { LearnedOutputs } from './learned-outputs.js';
import { Leases } from './leases.js';
import { PostgresFallback, type QuotaFailMode } from './postgres-fallback.js';
import { notFound, overloaded } from './quota-errors.js';
import type { QuotaSubject } from './quota-state.sql.js';
import { RedisBreakers } from './redis-breakers.js';
import { RedisDecisions } from './redis-decisions.js';
import { RedisLeases } from './redis-leases.js';
import { RedisQuota } from './redis-quota.js';
import type { Hold, ReservationOrder } from './reservation.js';
import { StateCache } from './state-cache.js';

/** The token of `QUOTA_FAIL_MODE`: what is answered when neither Redis nor Postgres can decide. */
export const QUOTA_FAIL_MODE = Symbol('QUOTA_FAIL_MODE');

/** The token of `UNPRICED_MODELS`. */
export const UNPRICED_MODELS = Symbol('UNPRICED_MODELS');

const EXPLANATION_MISSING = 'denials are kept for a day, and of one entity 30 a minute';

@Injectable()
export class Quota {
  private readonly redis: RedisQuota;
  private readonly states: StateCache;
  private readonly fallback: PostgresFallback;
  private readonly learned: LearnedOutputs;
  private readonly admissions: Admissions;
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
    @Inject(UNPRICED_MODELS) unpricedModels: UnpricedModels,
  ) {
    const breakers = new RedisBreakers(redis);
    this.redis = new RedisQuota(redis, clock, breakers);
    this.states = new StateCache(this.redis, redis, database, clock, allowances);
    this.fallback = new PostgresFallback(this.states, clock, failMode);
    const decisions = new RedisDecisions(this.redis, this.states, this.fallback);
    this.learned = new LearnedOutputs(database, clock);
    const holdSizes = new HoldSizes(prices, this.learned, clock);
    this.explanations = new DenialExplanations(breakers, this.redis.keys, clock);
    const { redis: scripts, fallback, explanations } = this;
    this.admissions = new Admissions({
      redis: scripts,
      decisions,
      fallback,
      holdSizes,
      explanations,
      unpricedModels,
    });
    this.leases = new Leases(new RedisLeases(this.redis), decisions, holdSizes);
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
  reserve(order: ReservationOrder): Promise<ReserveDecision> {
    return this.admissions.reserve(order);
  }

  /** Decides without holding: denies where no room is left at all. A null `model` is any. */
  check(subject: Subject, model: string | null = null): Promise<CheckDecision> {
    return this.admissions.check(subject, model);
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
