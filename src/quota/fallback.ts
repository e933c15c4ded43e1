/**
 * Decisions while Redis is away: by the spend and the limits in Postgres, and by what this process itself has admitted since.
 * So a limit is passed by no more than each other process can admit on its own. While Postgres is away too, `failMode` decides.
 */
import type { EntityName, Subject } from '../domain/ids.js';
import { periodOf, type Period } from '../domain/period.js';
import {
  decide,
  projectOf,
  remainingOf,
  sizedHold,
  type Denial,
  type QuotaMode,
  type QuotaState,
  type Remaining,
} from '../domain/quota-rules.js';
import type { Clock } from '../platform/clock.js';
import type { Weighed } from './decision.js';
import { LocalHolds } from './local-holds.js';
import { conflict, overloaded } from './quota-error.js';
import type { HoldOrder, KeptHold, RedisQuota } from './redis-quota.js';
import type { StateCache } from './state-cache.js';

export type QuotaFailMode = 'closed' | 'open';

export type Refusal = { readonly question: Weighed; readonly denial: Denial };
/** `refused` is what would have been, were the entity not only watched. */
export type Admission = {
  readonly period: Period;
  readonly remaining: Remaining;
  readonly mode: QuotaMode;
  readonly refused: Refusal | null;
};

export class Fallback {
  private readonly holds = new LocalHolds();
  private readonly handingOver = new Map<EntityName, Promise<void>>();

  constructor(
    private readonly states: StateCache,
    private readonly clock: Clock,
    private readonly failMode: QuotaFailMode,
  ) {}

  /** Holds here what it admits; the same reservation again is the same hold. */
  async reserve(order: HoldOrder): Promise<Refusal | (Admission & { hold: KeptHold })> {
    const { id, entity, project, ttlSeconds, content, learnedPicos = null } = order;
    const state = await this.load(order);
    // From here to the hold nothing waits, so that no other request decides in between.
    const question = this.questionAbout(order, state);
    const admission = this.admission(question);
    const nowMs = this.clock.now().getTime();
    const known = this.holds.find(entity, id, nowMs);
    if (known !== null && !isSame(known, order)) throw conflict();
    if (known !== null) return { ...admission, hold: known };
    const expiresMs = nowMs + ttlSeconds * 1_000;
    const { period, mode } = admission;
    const hold = { id, project, holdPicos: 0n, period, content, expiresMs };
    if (mode === 'off') return { ...admission, hold };
    const size = { worstPicos: order.holdPicos, learnedPicos };
    const holdPicos = question === null ? order.holdPicos : sizedHold(question, size);
    const refused = this.refusal(question, holdPicos);
    if (refused !== null && mode !== 'shadow') return refused;
    if (this.holds.isFull(nowMs)) throw overloaded();
    const held = { ...hold, holdPicos: holdPicos ?? 0n };
    this.holds.put(entity, held);
    return { ...admission, refused, hold: held };
  }

  async check(subject: Subject): Promise<Refusal | Admission> {
    const question = this.questionAbout(subject, await this.load(subject));
    const admission = this.admission(question);
    const refused = admission.mode === 'off' ? null : this.refusal(question, null);
    return refused !== null && admission.mode !== 'shadow' ? refused : { ...admission, refused };
  }

  release(entity: EntityName, id: string): void {
    this.holds.end(entity, id);
  }

  /** Null where the hold is not one of this process. */
  extend(entity: EntityName, id: string, ttlSeconds: number): KeptHold | null {
    const nowMs = this.clock.now().getTime();
    const hold = this.holds.find(entity, id, nowMs);
    if (hold === null) return null;
    const expiresMs = Math.max(hold.expiresMs, nowMs + ttlSeconds * 1_000);
    this.holds.put(entity, { ...hold, expiresMs });
    return { ...hold, expiresMs };
  }

  /** True where no hold of the entity is left here. */
  hasHandedOver(entity: EntityName): boolean {
    return this.holds.isEmpty(entity);
  }

  /** Moves the entity's holds to Redis, before it decides about the entity again. Throws RedisAway, and keeps them. */
  async handOver(entity: EntityName, redis: RedisQuota): Promise<void> {
    if (this.holds.isEmpty(entity)) return;
    const running = this.handingOver.get(entity);
    if (running !== undefined) return running;
    const started = this.move(entity, redis).finally(() => this.handingOver.delete(entity));
    this.handingOver.set(entity, started);
    return started;
  }

  /** They count here until Redis has them: a request that comes in between must not find the room empty. */
  private async move(entity: EntityName, redis: RedisQuota): Promise<void> {
    await redis.untilAnswering();
    const holds = this.holds.all(entity);
    await redis.adopt(entity, holds, this.clock.now());
    for (const hold of holds) this.holds.end(entity, hold.id);
  }

  /** Null where Postgres is away too and the service fails open. */
  private async load(subject: Subject): Promise<QuotaState | null> {
    const state = await this.states.load(subject, this.clock.now());
    if (state === null && this.failMode === 'closed') throw overloaded();
    return state;
  }

  private questionAbout(subject: Subject, state: QuotaState | null): Weighed | null {
    if (state === null) return null;
    const holds = this.holds.held(subject, this.clock.now().getTime());
    const project = projectOf(state, subject.project);
    return { entity: state, project, holds, version: state.version, at: state.at };
  }

  private refusal(question: Weighed | null, holdPicos: bigint | null): Refusal | null {
    const denial = question === null ? null : decide(question, holdPicos);
    return question !== null && denial !== null ? { question, denial } : null;
  }

  private admission(question: Weighed | null): Admission {
    const { period, mode } = question?.entity ?? { period: periodOf(this.clock.now()), mode: 'enforce' };
    const remaining = question === null ? REMAINING_UNKNOWN : remainingOf(question);
    return { period, remaining, mode, refused: null };
  }
}

const REMAINING_UNKNOWN: Remaining = { creditsPicos: null, projectCapPicos: null, entityCapPicos: null };

/** As Redis compares them. */
function isSame(hold: KeptHold, { project, content }: HoldOrder): boolean {
  return (
    hold.project === project &&
    hold.content.model === content.model &&
    hold.content.inputTokens === content.inputTokens &&
    hold.content.maxOutputTokens === content.maxOutputTokens
  );
}
