/**
 * Decisions while Redis is unavailable: by the spend and the limits in Postgres, and by what this process has admitted since. So
 * a limit is exceeded by no more than what the other processes admit on their own. While Postgres is unavailable too, `failMode`
 * decides.
 */
import type { EntityName, Subject } from '../domain/ids.js';
import { periodOf, type Period } from '../domain/period.js';
import { denialOf, type Denial } from '../domain/quota-denial.js';
import {
  decide,
  projectOf,
  remainingOf,
  sizedHold,
  type QuotaMode,
  type QuotaState,
  type Remaining,
} from '../domain/quota-limits.js';
import type { Clock } from '../platform/clock.js';
import { CallsInFlight } from './calls-in-flight.js';
import type { DecisionSource, VersionedQuestion } from './decision.js';
import type { HoldSize } from './hold-size.js';
import { LocalHolds } from './local-holds.js';
import { conflict, overloaded, usedUp } from './quota-errors.js';
import type { RedisQuota } from './redis-quota.js';
import { contentText } from './hold-text.js';
import { contentOf, type Hold, type ReservationOrder } from './reservation.js';
import type { StateCache } from './state-cache.js';

export type QuotaFailMode = 'closed' | 'open';

export type Refusal = { readonly question: VersionedQuestion; readonly denial: Denial };
/** `shadowed` is the refusal that `enforce` would have given, in `shadow` mode. */
export type Admission = {
  readonly period: Period;
  readonly remaining: Remaining;
  readonly mode: QuotaMode;
  readonly shadowed: Refusal | null;
  readonly source: DecisionSource;
};

export class PostgresFallback {
  private readonly holds = new LocalHolds();
  private readonly handOvers = new CallsInFlight<EntityName, void>();

  constructor(
    private readonly states: StateCache,
    private readonly clock: Clock,
    private readonly failMode: QuotaFailMode,
  ) {}

  get holdCount(): number {
    return this.holds.size;
  }

  /** Holds in this process what it admits. A repeated reservation gets the same hold. */
  async reserve(
    order: ReservationOrder,
    { worstPicos, learnedPicos }: HoldSize,
  ): Promise<Refusal | (Admission & { hold: Hold })> {
    const { id, subject } = order;
    const state = await this.load(subject);
    // Nothing is awaited from here to the hold, so that no other request decides in between.
    const question = this.questionAbout(subject, state);
    const admission = this.admission(question);
    const nowMs = this.clock.now().getTime();
    const known = this.holds.find(subject.entity, id, nowMs);
    // The same comparison as in reserve.lua.
    if (known !== null && contentText(known) !== contentText(order)) throw conflict();
    if (known !== null) return { ...admission, hold: known };
    if (this.holds.hasEnded(subject.entity, id, nowMs)) throw usedUp();
    const { period, mode } = admission;
    const expiresMs = nowMs + order.ttlSeconds * 1_000;
    const hold = { id, ...contentOf(order), period, expiresMs, sinceMs: nowMs, holdPicos: 0n };
    if (mode === 'off') return { ...admission, hold };
    const holdPicos = question === null ? worstPicos : sizedHold(question, { worstPicos, learnedPicos });
    const refusal = this.refusal(question, holdPicos);
    if (refusal !== null && mode !== 'shadow') return refusal;
    if (this.holds.isFull(nowMs)) throw overloaded();
    const held = { ...hold, holdPicos: holdPicos ?? 0n };
    this.holds.put(held);
    return { ...admission, shadowed: refusal, hold: held };
  }

  async check(subject: Subject): Promise<Refusal | Admission> {
    const question = this.questionAbout(subject, await this.load(subject));
    const admission = this.admission(question);
    const refusal = admission.mode === 'off' ? null : this.refusal(question, null);
    return refusal !== null && admission.mode !== 'shadow' ? refusal : { ...admission, shadowed: refusal };
  }

  /** Ends what this process holds. Where Redis could not be told, the id stays used here until it is. */
  release(entity: EntityName, id: string, isTold: boolean): void {
    if (isTold) this.holds.remove(entity, id);
    else this.holds.end(entity, { id, isReleased: true, endedMs: this.clock.now().getTime() });
  }

  /** Null where this process has no such hold. */
  extend(entity: EntityName, id: string, ttlSeconds: number): Hold | null {
    const nowMs = this.clock.now().getTime();
    const hold = this.holds.find(entity, id, nowMs);
    if (hold === null) return null;
    const expiresMs = Math.max(hold.expiresMs, nowMs + ttlSeconds * 1_000);
    this.holds.put({ ...hold, expiresMs });
    return { ...hold, expiresMs };
  }

  forget(entity: EntityName): void {
    const { holds, ended } = this.holds.all(entity);
    for (const { id } of holds) this.holds.remove(entity, id);
    this.holds.forget(entity, ended);
  }

  /** True where this process has no hold of the entity left. */
  hasHandedOver(entity: EntityName): boolean {
    return this.holds.isEmpty(entity);
  }

  /** Moves the entity's holds to Redis, before Redis decides about the entity again. Where it throws Unavailable they stay. */
  async handOver(entity: EntityName, redis: RedisQuota): Promise<void> {
    if (this.holds.isEmpty(entity)) return;
    return this.handOvers.share(entity, () => this.move(entity, redis));
  }

  /** They count here until Redis has them, so that no request in between finds the room empty. */
  private async move(entity: EntityName, redis: RedisQuota): Promise<void> {
    await redis.untilAnswering(entity);
    const local = this.holds.all(entity);
    await redis.adopt(entity, local, this.clock.now());
    for (const hold of local.holds) this.holds.remove(entity, hold.id);
    this.holds.forget(entity, local.ended);
  }

  /** Null where Postgres is unavailable too and the service fails open. */
  private async load(subject: Subject): Promise<QuotaState | null> {
    const state = await this.states.load(subject, this.clock.now());
    if (state === null && this.failMode === 'closed') throw overloaded();
    return state;
  }

  private questionAbout(subject: Subject, state: QuotaState | null): VersionedQuestion | null {
    if (state === null) return null;
    const holds = this.holds.held(subject, this.clock.now().getTime());
    const project = projectOf(state, subject.project);
    return { entity: state, project, holds, version: state.version, at: state.at };
  }

  private refusal(question: VersionedQuestion | null, holdPicos: bigint | null): Refusal | null {
    if (question === null) return null;
    const exceeded = decide(question, holdPicos);
    return exceeded === null ? null : { question, denial: denialOf(question, exceeded) };
  }

  private admission(question: VersionedQuestion | null): Admission {
    const { period, mode } = question?.entity ?? { period: periodOf(this.clock.now()), mode: 'enforce' };
    const remaining = question === null ? REMAINING_UNKNOWN : remainingOf(question);
    return { period, remaining, mode, shadowed: null, source: question === null ? 'local' : 'postgres' };
  }
}

const REMAINING_UNKNOWN: Remaining = { creditsPicos: null, projectCapPicos: null, entityCapPicos: null };
