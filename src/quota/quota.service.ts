/**
 * May this request run? Redis decides in one script. What it does not know is loaded from Postgres first; while Redis is
 * away Postgres decides, without holds; while both are away `failMode` does.
 */
import { Inject, Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { TallyError } from '../domain/errors.js';
import { entityOfReservation, reservationIdOf, type EntityName, type Subject } from '../domain/ids.js';
import { periodOf, type Period } from '../domain/period.js';
import {
  decide,
  denialBy,
  NOTHING_HELD,
  projectOf,
  remainingOf,
  type Question,
  type Remaining,
} from '../domain/quota.js';
import { Clock } from '../infra/clock.js';
import { isOutage } from '../infra/outage.js';
import { QUOTA_REDIS } from '../infra/redis.js';
import { Database } from '../store/database.js';
import type { QuotaSubject } from '../store/quota-state.js';
import type {
  Asked,
  CheckDecision,
  DeniedDecision,
  Hold,
  ReserveDecision,
  ReserveOrder,
  Weighed,
} from './decision.js';
import { Denials } from './denials.js';
import { HoldSize } from './hold-size.js';
import { PriceSource } from './price-source.js';
import { RedisAway, RedisGate } from './redis-gate.js';
import { RedisQuota, type Age, type Cold, type Denied as DeniedByRedis } from './redis-quota.js';
import { StateCache } from './state-cache.js';

/** The token of `QUOTA_FAIL_MODE`: what is answered when neither Redis nor Postgres can decide. */
export const QUOTA_FAIL_MODE = Symbol('QUOTA_FAIL_MODE');
export type QuotaFailMode = 'closed' | 'open';

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

  constructor(
    @Inject(QUOTA_REDIS) redis: Redis,
    database: Database,
    private readonly clock: Clock,
    prices: PriceSource,
    @Inject(QUOTA_FAIL_MODE) private readonly failMode: QuotaFailMode,
  ) {
    const gate = new RedisGate(redis);
    this.quota = new RedisQuota(redis, clock, gate);
    this.holdSize = new HoldSize(prices, clock);
    this.denials = new Denials(gate, clock);
    this.states = new StateCache(this.quota, redis, database, clock);
  }

  /** Holds the request's worst-case cost, or says which limit is in the way. */
  async reserve(order: ReserveOrder): Promise<ReserveDecision> {
    const { subject, model, ttlSeconds } = order;
    const id = reservationIdOf(subject, order.requestId ?? null);
    const { holdPicos, degraded: unpriced } = await this.holdSize.of(order);
    const content = {
      model,
      inputTokens: order.inputTokens ?? null,
      maxOutputTokens: order.maxOutputTokens ?? null,
    };
    const asked = await this.askRedis(subject, (age) =>
      this.quota.reserve({ ...subject, id, holdPicos, ttlSeconds, content }, age),
    );
    if (asked === null) return this.reserveWithoutRedis(order, { id, holdPicos });
    const { answer } = asked;
    const degraded = asked.degraded || unpriced;
    if (answer.verdict === 'denied')
      return this.denials.keep({ ...denied(answer), asked: askedOf(order, holdPicos), degraded });
    if (answer.verdict === 'conflict') throw conflict();
    const reservation = {
      id,
      subject,
      model,
      period: answer.period,
      holdPicos: answer.verdict === 'held' ? answer.holdPicos : (holdPicos ?? 0n),
      expiresAt: unixSeconds(answer.verdict === 'held' ? answer.expiresMs : answer.endedMs),
      remaining: remainingOf(answer.question),
    };
    return { allowed: true, degraded, reservation };
  }

  /** Decides without holding: denies where no room is left at all. */
  async check(subject: Subject): Promise<CheckDecision> {
    const asked = await this.askRedis(subject, (age) => this.quota.check(subject, age));
    if (asked !== null) {
      const { answer, degraded } = asked;
      if (answer.verdict === 'denied')
        return this.denials.keep({ ...denied(answer), asked: checked(subject), degraded });
      const { entity } = answer.question;
      return {
        allowed: true,
        degraded,
        subject,
        period: entity.period,
        remaining: remainingOf(answer.question),
      };
    }
    const question = await this.questionWithoutRedis(subject);
    const denial = question === null ? null : decide(question, null);
    if (question !== null && denial !== null)
      return this.denials.keep({ asked: checked(subject), question, denial, degraded: true });
    return { allowed: true, degraded: true, subject, ...this.admission(question) };
  }

  /** Ends a hold without a charge; again, or after its end, changes nothing. While Redis is away it ends by itself. */
  async release(id: string): Promise<void> {
    const entity = entityOf(id);
    await unlessRedisAway(this.quota.release(entity, id));
  }

  /** Keeps a hold until `ttlSeconds` from now, never for shorter than it would last anyway. */
  async extend(id: string, ttlSeconds: number): Promise<Hold> {
    const entity = entityOf(id);
    const extended = await unlessRedisAway(this.quota.extend(entity, id, ttlSeconds));
    if (extended === undefined) throw overloaded();
    if (extended === null) throw notFound(id);
    const { project, content, holdPicos, period, expiresMs } = extended;
    return {
      id,
      subject: { entity, project },
      model: content.model,
      period,
      holdPicos,
      expiresAt: unixSeconds(expiresMs),
    };
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
      let isLoaded = await this.states.catchUp(subject.entity);
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
    { id, holdPicos }: { id: string; holdPicos: bigint | null },
  ): Promise<ReserveDecision> {
    const { subject, model, ttlSeconds } = order;
    const question = await this.questionWithoutRedis(subject);
    const denial = question === null ? null : decide(question, holdPicos);
    if (question !== null && denial !== null)
      return this.denials.keep({ asked: askedOf(order, holdPicos), question, denial, degraded: true });
    const expiresAt = unixSeconds(this.clock.now().getTime() + ttlSeconds * 1_000);
    const reservation = { id, subject, model, holdPicos: 0n, expiresAt, ...this.admission(question) };
    return { allowed: true, degraded: true, reservation };
  }

  /** What Postgres knows, as if nothing was held; null where it is away too and the service fails open. */
  private async questionWithoutRedis(subject: Subject): Promise<Weighed | null> {
    const state = await this.states.load(subject, this.clock.now());
    if (state !== null) {
      const project = projectOf(state, subject.project);
      return { entity: state, project, holds: NOTHING_HELD, version: state.version, at: state.at };
    }
    if (this.failMode === 'closed') throw overloaded();
    return null;
  }

  private admission(question: Question | null): { period: Period; remaining: Remaining } {
    if (question === null) return { period: periodOf(this.clock.now()), remaining: REMAINING_UNKNOWN };
    return { period: question.entity.period, remaining: remainingOf(question) };
  }
}

const REMAINING_UNKNOWN: Remaining = { creditsPicos: null, projectCapPicos: null, entityCapPicos: null };

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

function denied({ limit, question, retryable }: DeniedByRedis): Pick<DeniedDecision, 'question' | 'denial'> {
  return { question, denial: denialBy(limit, question, { retryable }) };
}

function askedOf(order: ReserveOrder, holdPicos: bigint | null): Asked {
  const { subject, model, inputTokens = null, maxOutputTokens = null, requestId = null } = order;
  return { kind: 'reservation', subject, model, inputTokens, maxOutputTokens, requestId, holdPicos };
}

function checked(subject: Subject): Asked {
  const nothing = { model: null, inputTokens: null, maxOutputTokens: null, requestId: null, holdPicos: null };
  return { kind: 'check', subject, ...nothing };
}

function entityOf(reservationId: string): EntityName {
  const entity = entityOfReservation(reservationId);
  if (entity === null) throw notFound(reservationId);
  return entity;
}

/** Whole seconds, never later than the truth. */
function unixSeconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

function notFound(id: string): TallyError {
  return new TallyError('not_found', `no reservation ${id}, or it has ended`, { param: 'id' });
}

function conflict(): TallyError {
  return new TallyError('conflict', 'request_id was used for a request with another model or other tokens', {
    param: 'request_id',
  });
}

function overloaded(): TallyError {
  return new TallyError('overloaded', 'The engine is currently overloaded, please try again later');
}
