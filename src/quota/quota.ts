/**
 * May this request run? Redis decides in one script. What it does not know is loaded from Postgres first; while Redis is
 * away Postgres decides; while both are away `failMode` does.
 */
import { Inject, Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { TallyError } from '../domain/errors.js';
import { entityOfReservation, type EntityName, type Subject } from '../domain/ids.js';
import { denialBy, remainingOf, type Denial } from '../domain/quota-rules.js';
import { Allowances } from '../credits/allowances.js';
import { Clock } from '../platform/clock.js';
import { isOutage } from '../platform/outage.js';
import { QUOTA_REDIS } from '../platform/redis.js';
import { Database } from '../platform/database.js';
import type { QuotaSubject } from './quota-state.sql.js';
import type {
  CheckDecision,
  Denied,
  DeniedDecision,
  Hold,
  ReserveDecision,
  ReserveOrder,
  Weighed,
} from './decision.js';
import { Denials } from './denials.js';
import { Fallback, type QuotaFailMode, type Refusal } from './fallback.js';
import { basisOf, HoldSize, type Size } from './hold-size.js';
import { LearnedOutputs } from './learned-outputs.js';
import { Leases } from './leases.js';
import { PriceSource } from './price-source.js';
import { conflict, notFound, overloaded } from './quota-error.js';
import { RedisAway, RedisGate } from './redis-gate.js';
import { RedisQuota, type Age, type Cold, type HoldOrder, type Passed } from './redis-quota.js';
import { askedOf, checked, holdOf, holdOrderOf, reservationOf } from './reservation.js';
import { StateCache } from './state-cache.js';

/** The token of `QUOTA_FAIL_MODE`: what is answered when neither Redis nor Postgres can decide. */
export const QUOTA_FAIL_MODE = Symbol('QUOTA_FAIL_MODE');

/** A state that was just loaded can be cold again when a grant or the month ends that instant; not three times. */
const ATTEMPTS_MAX = 3;

const DENIAL_MISSING = 'denials are kept for a day, and of one entity 30 a minute';

type Verdict = { readonly verdict: string };

@Injectable()
export class QuotaService {
  private readonly quota: RedisQuota;
  private readonly states: StateCache;
  private readonly holdSize: HoldSize;
  private readonly denials: Denials;
  private readonly fallback: Fallback;
  /** Gateways that decide by themselves, on a slice of what is left. */
  readonly leases: Leases;

  constructor(
    @Inject(QUOTA_REDIS) redis: Redis,
    database: Database,
    clock: Clock,
    prices: PriceSource,
    allowances: Allowances,
    @Inject(QUOTA_FAIL_MODE) failMode: QuotaFailMode,
  ) {
    const gate = new RedisGate(redis);
    this.quota = new RedisQuota(redis, clock, gate);
    this.holdSize = new HoldSize(prices, new LearnedOutputs(database, clock), clock);
    this.denials = new Denials(gate, clock);
    this.states = new StateCache(this.quota, redis, database, clock, allowances);
    this.fallback = new Fallback(this.states, clock, failMode);
    this.leases = new Leases(this.quota, (subject, ask) => this.askRedis(subject, ask), this.holdSize);
    // A database that is back may have been set back; decisions wait for its own states.
    database.onReturn(() => this.quota.distrust());
  }

  /** Holds what the request may cost, or says which limit is in the way. */
  async reserve(order: ReserveOrder): Promise<ReserveDecision> {
    const sized = this.holdSize.of(order);
    const size = sized instanceof Promise ? await sized : sized;
    const wanted = holdOrderOf(order, size);
    const asked = await this.askRedis(order.subject, (age) => this.quota.reserve(wanted, age));
    if (asked === null) return this.reserveWithoutRedis(order, size, wanted);
    const { answer } = asked;
    const degraded = asked.degraded || size.degraded;
    if (answer.verdict === 'conflict') throw conflict();
    if (answer.verdict === 'denied') return this.deny(order, size, { answer, passed: answer, degraded });
    const passed = answer.verdict === 'held' ? answer.passed : null;
    const shadow = passed === null ? null : this.deny(order, size, { answer, passed, degraded });
    const reservation = reservationOf(order, size, { id: wanted.id, answer });
    return { allowed: true, degraded, mode: answer.question.entity.mode, shadow, reservation };
  }

  private deny(
    order: ReserveOrder,
    size: Size,
    by: { answer: { question: Weighed }; passed: Passed; degraded: boolean },
  ): Denied {
    const { question } = by.answer;
    const denial = denialOf(question, by.passed);
    return this.denials.keep({ question, denial, asked: askedOf(order, size), degraded: by.degraded });
  }

  /** Decides without holding: denies where no room is left at all. */
  async check(subject: Subject): Promise<CheckDecision> {
    const asked = await this.askRedis(subject, (age) => this.quota.check(subject, age));
    if (asked !== null) {
      const { answer, degraded } = asked;
      const { question } = answer;
      const { mode, period } = question.entity;
      const denied =
        answer.verdict === 'denied'
          ? this.denials.keep({
              question,
              denial: denialOf(question, answer),
              asked: checked(subject),
              degraded,
            })
          : null;
      if (denied !== null && mode !== 'shadow') return denied;
      return {
        allowed: true,
        degraded,
        mode,
        shadow: denied,
        subject,
        period,
        remaining: remainingOf(question),
      };
    }
    const answer = await this.fallback.check(subject);
    const keep = (refused: Refusal) =>
      this.denials.keep({ ...refused, asked: checked(subject), degraded: true });
    if ('denial' in answer) return keep(answer);
    const { refused, ...admission } = answer;
    return {
      allowed: true,
      degraded: true,
      ...admission,
      subject,
      shadow: refused === null ? null : keep(refused),
    };
  }

  /** Ends a hold without a charge; again, or after its end, changes nothing. While Redis is away it ends by itself. */
  async release(id: string): Promise<void> {
    const entity = entityOf(id);
    this.fallback.release(entity, id);
    await unlessRedisAway(this.quota.release(entity, id));
  }

  /** Keeps a hold until `ttlSeconds` from now, never for shorter than it would last anyway. */
  async extend(id: string, ttlSeconds: number): Promise<Hold> {
    const entity = entityOf(id);
    const kept = this.fallback.extend(entity, id, ttlSeconds);
    const extended = kept ?? (await unlessRedisAway(this.quota.extend(entity, id, ttlSeconds)));
    if (extended === undefined) throw overloaded();
    if (extended === null) throw notFound(id);
    return holdOf({ entity, project: extended.project }, extended);
  }

  /** Why the request was denied. */
  async denial(id: string): Promise<DeniedDecision> {
    const found = await unlessRedisAway(this.denials.find(id));
    if (found === undefined) throw overloaded();
    if (found === null)
      throw new TallyError('not_found', `no denial ${id}: ${DENIAL_MISSING}`, { param: 'id' });
    return found;
  }

  /** What running requests of the entity hold; null while Redis is away. */
  async held(entity: EntityName): Promise<{ heldPicos: bigint; requestCount: number } | null> {
    return (await unlessRedisAway(this.quota.held(entity))) ?? null;
  }

  /**
   * Puts the states of these accounts into Redis, as they stand in Postgres now, and ends the holds. To be called after the
   * commit. Throws while either is away; then the holds end by themselves, and decisions of this process load anew.
   */
  async publish(
    subjects: readonly QuotaSubject[],
    endedReservationIds: readonly string[] = [],
  ): Promise<void> {
    await this.states.publish(subjects, endedReservationIds);
  }

  /** The same for a change that is committed and must be answered: an outage is made up for as soon as it is over. */
  async publishOrRemember(subjects: readonly QuotaSubject[]): Promise<void> {
    await this.states.publish(subjects, []).catch((error: unknown) => {
      if (!(error instanceof RedisAway) && !isOutage(error)) throw error;
    });
  }

  /**
   * Asks Redis, and loads what it does not know. While Postgres is away an aged state decides. Null where Redis is away, or
   * where neither has a state.
   */
  private async askRedis<A extends Verdict>(
    subject: Subject,
    ask: (age: Age) => Promise<A | Cold>,
  ): Promise<{ answer: A; degraded: boolean } | null> {
    try {
      let isLoaded = this.states.isCaughtUp(subject.entity) || (await this.states.catchUp(subject.entity));
      if (!this.fallback.hasHandedOver(subject.entity))
        await this.fallback.handOver(subject.entity, this.quota);
      for (let attempt = 1; isLoaded && attempt <= ATTEMPTS_MAX; attempt += 1) {
        const answer = await ask('fresh');
        if (!isCold(answer)) return { answer, degraded: false };
        isLoaded = await this.states.warm(subject, answer.at);
      }
      if (isLoaded) return null;
      const answer = await ask('aged');
      return isCold(answer) ? null : { answer, degraded: true };
    } catch (error) {
      if (error instanceof RedisAway) return null;
      throw error;
    }
  }

  private async reserveWithoutRedis(
    order: ReserveOrder,
    size: Size,
    wanted: HoldOrder,
  ): Promise<ReserveDecision> {
    const { subject, model } = order;
    const answer = await this.fallback.reserve(wanted);
    const keep = (refused: Refusal) =>
      this.denials.keep({ ...refused, asked: askedOf(order, size), degraded: true });
    if ('denial' in answer) return keep(answer);
    const { hold, remaining, mode, refused } = answer;
    const basis = mode === 'off' ? 'none' : basisOf(order, size, hold.holdPicos);
    const reservation = { ...holdOf(subject, hold), model, basis, remaining };
    const shadow = refused === null ? null : keep(refused);
    return { allowed: true, degraded: true, mode, shadow, reservation };
  }
}

function isCold(answer: Verdict | Cold): answer is Cold {
  return answer.verdict === 'cold';
}

async function unlessRedisAway<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RedisAway) return undefined;
    throw error;
  }
}

function denialOf(question: Weighed, { limit, retryable }: Passed): Denial {
  return denialBy(limit, question, { retryable });
}

function entityOf(reservationId: string): EntityName {
  const entity = entityOfReservation(reservationId);
  if (entity === null) throw notFound(reservationId);
  return entity;
}
