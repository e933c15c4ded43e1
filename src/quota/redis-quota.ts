/** The quota scripts as functions: what goes in, and what their replies mean. It decides nothing itself. */
import { picosFromNanos } from '@tally/client/protocol';
import type { EntityName, Subject } from '../domain/ids.js';
import { holdNanos } from '../domain/money.js';
import type { Period } from '../domain/period.js';
import { learnedFromNanos, weighedNanos, type QuotaState } from '../domain/quota-limits.js';
import type { Order } from '../http/list-order.js';
import type { Clock } from '../platform/clock.js';
import type { RedisNodes } from '../platform/redis-nodes.js';
import type { HoldSize } from './hold-size.js';
import { contentText, readContent, readHold, type HeldThing } from './hold-text.js';
import type { EndedHold } from './local-holds.js';
import type { LuaReply, LuaScript } from './lua-script.js';
import {
  ADOPT_LOCAL_HOLDS,
  CHECK,
  EXTEND,
  FIND_HOLD,
  HELD_TOTAL,
  LIST_HOLDS,
  RELEASE,
  RESERVE,
  type DecidingArguments,
} from './quota-scripts.js';
import { RedisBreakers } from './redis-breakers.js';
import type { RedisCircuitBreaker } from './redis-circuit-breaker.js';
import { RedisKeys } from './redis-keys.js';
import type { Hold, ReservationOrder } from './reservation.js';
import { ScriptReplies, type CheckReply, type ReserveReply } from './script-replies.js';
import { publishStates } from './state-publication.js';
import { StateValidity } from './state-validity.js';

/** How old a state may be. Every commit publishes its own; this bounds what a lost publication can do. */
const FRESH_MS_MAX = 60_000;
/** How old it may be while Postgres is unavailable. */
const AGED_MS_MAX = 900_000;
/** Holds that one script takes over. */
const ADOPTED_MAX = 500;
/** Keys that Redis looks at in one step. It does nothing else meanwhile. */
const SCANNED_KEYS = 1_000;

export type Age = 'fresh' | 'aged';

export class RedisQuota {
  private readonly replies = new ScriptReplies();
  /** Of each server, by its breaker, which is another one after the connection to it was lost. */
  private validities = new WeakMap<RedisCircuitBreaker, StateValidity>();
  readonly keys: RedisKeys;

  constructor(
    nodes: RedisNodes,
    private readonly clock: Clock,
    private readonly breakers = new RedisBreakers(nodes),
  ) {
    this.keys = new RedisKeys(nodes.names.prefix);
  }

  reserve(order: ReservationOrder, size: HoldSize, age: Age): Promise<ReserveReply> {
    const { worstPicos, learnedPicos } = size;
    const holdPicos = worstPicos ?? 0n;
    const reply = this.evaluate(RESERVE, order.subject, age, (by) => ({
      now_ms: by.now_ms,
      age_ms_max: by.age_ms_max,
      valid_from_ms: by.valid_from_ms,
      project_name: by.project_name,
      reservation_id: order.id,
      content: contentText(order),
      ttl_ms: order.ttlSeconds * 1_000,
      weighed_nanos: weighedNanos(worstPicos),
      hold_nanos: holdNanos(holdPicos),
      hold_picos: String(holdPicos),
      learned_nanos: learnedPicos === null ? '' : holdNanos(learnedPicos),
      learned_picos: String(learnedPicos ?? ''),
      learned_from_nanos: learnedFromNanos(holdPicos),
    }));
    return reply.then((values) => this.replies.ofReservation(values, order.subject.project));
  }

  async check(subject: Subject, age: Age): Promise<CheckReply> {
    const reply = await this.evaluate(CHECK, subject, age, (by) => ({
      now_ms: by.now_ms,
      age_ms_max: by.age_ms_max,
      valid_from_ms: by.valid_from_ms,
      project_name: by.project_name,
      weighed_nanos: weighedNanos(null),
    }));
    return this.replies.ofCheck(reply, subject.project);
  }

  /** Lets no decision use a state that is in Redis by now. */
  invalidateStates(): void {
    this.validities = new WeakMap();
  }

  /**
   * Stores states unless Redis has later ones, and ends the holds of their entities. Returns, by entity, the later version that was
   * found instead; passed as `seen`, versions up to it are replaced. Throws NotPublished.
   */
  publish(
    states: readonly QuotaState[],
    ended: ReadonlyMap<EntityName, readonly string[]>,
    seen: ReadonlyMap<EntityName, bigint> = new Map(),
  ): Promise<Map<EntityName, bigint>> {
    const parts = states.map((state) => ({
      state,
      ended: ended.get(state.entity) ?? [],
      seen: seen.get(state.entity) ?? 0n,
    }));
    return publishStates({ redis: this.breakers, keys: this.keys }, parts, this.clock.redisNowMs());
  }

  /** Deletes all keys of an entity. It looks through all keys of the server that has them, so use it rarely. Throws Unavailable. */
  async forget(entity: EntityName): Promise<void> {
    for (let cursor = '0', more = true; more; more = cursor !== '0') {
      const breaker = this.breakers.at(this.keys.ofHolds(entity));
      const [next, keys] = await breaker.ask((_, node) =>
        node.scan(cursor, 'MATCH', this.keys.pattern(entity), 'COUNT', SCANNED_KEYS),
      );
      if (keys.length > 0) await breaker.ask((redis) => redis.unlink(keys));
      cursor = next;
    }
  }

  release(entity: EntityName, id: string): Promise<unknown> {
    return RELEASE.run(this.breakers, this.keys.ofHolds(entity), {
      now_ms: this.clock.redisNowMs(),
      reservation_id: id,
    });
  }

  /** Null where the hold has ended. */
  async extend(entity: EntityName, id: string, ttlSeconds: number): Promise<Hold | null> {
    const reply = await EXTEND.run(this.breakers, this.keys.ofHolds(entity), {
      now_ms: this.clock.redisNowMs(),
      reservation_id: id,
      ttl_ms: ttlSeconds * 1_000,
    });
    if (reply === null) return null;
    const [picos, period, expiresMs, content, since] = reply as [string, Period, number, string, string];
    const sinceMs = since === '' ? null : Number(since);
    return { id, ...readContent(entity, content), holdPicos: BigInt(picos), period, expiresMs, sinceMs };
  }

  /** Throws Unavailable. */
  async untilAnswering(entity: EntityName): Promise<void> {
    await this.breakers.at(this.keys.ofHolds(entity)).untilAnswering();
  }

  /**
   * Takes over holds whose requests already run, and what has ended meanwhile. It is told the time that holds have left, because clocks
   * differ.
   */
  async adopt(
    entity: EntityName,
    { holds, ended }: { holds: readonly Hold[]; ended: readonly EndedHold[] },
    now: Date,
  ): Promise<void> {
    const left = holds.filter(({ expiresMs }) => expiresMs > now.getTime());
    const count = Math.max(left.length, ended.length);
    for (let start = 0; start < count; start += ADOPTED_MAX) {
      const part = left.slice(start, start + ADOPTED_MAX).map((hold) => adoptedText(hold, now));
      const ends = ended.slice(start, start + ADOPTED_MAX);
      await ADOPT_LOCAL_HOLDS.run(this.breakers, this.keys.ofHolds(entity), {
        now_ms: this.clock.redisNowMs(),
        holds: JSON.stringify(part),
        ended: JSON.stringify(ends.map(({ id, isReleased }) => [id, isReleased ? '1' : ''])),
      });
    }
  }

  /** A page, by when they expire. Null where `after` is no hold. */
  async list(
    entity: EntityName,
    { order, after, limit }: { order: Order; after: string | null; limit: number },
  ): Promise<HeldThing[] | null> {
    const reply = await LIST_HOLDS.run(this.breakers, this.keys.ofHolds(entity), {
      now_ms: this.clock.redisNowMs(),
      after_id: after ?? '',
      count_max: limit,
      order,
    });
    if (reply === null) return null;
    const fields = reply as readonly string[];
    return Array.from({ length: fields.length / 3 }, (_, index) => {
      const [id = '', expires = '', text = ''] = fields.slice(3 * index, 3 * index + 3);
      return readHold(entity, { id, expiresMs: Number(expires), text });
    }).filter((each) => each !== null);
  }

  /** Null where the hold has ended. */
  async find(entity: EntityName, id: string): Promise<HeldThing | null> {
    const reply = await FIND_HOLD.run(this.breakers, this.keys.ofHolds(entity), {
      now_ms: this.clock.redisNowMs(),
      reservation_id: id,
    });
    if (reply === null) return null;
    const [expires, text] = reply as [string, string];
    return readHold(entity, { id, expiresMs: Number(expires), text });
  }

  async held(entity: EntityName): Promise<{ heldPicos: bigint; requestCount: number }> {
    const now_ms = this.clock.redisNowMs();
    const reply = await HELD_TOTAL.run(this.breakers, this.keys.ofHolds(entity), { now_ms });
    const [nanos, count] = reply as [number, number];
    return { heldPicos: picosFromNanos(nanos), requestCount: count };
  }

  /** Runs a script that decides by the states of an entity and a project; `argumentsBy` adds the script's own arguments. */
  evaluate<Named extends DecidingArguments>(
    script: LuaScript<Named>,
    subject: Subject,
    age: Age,
    argumentsBy: (by: DecidingArguments) => Named,
  ): Promise<LuaReply> {
    const keys = this.keys.ofDecision(subject);
    const age_ms_max = age === 'fresh' ? FRESH_MS_MAX : AGED_MS_MAX;
    const project_name = subject.project;
    const run = (valid_from_ms: number) => {
      const now_ms = this.clock.redisNowMs();
      return script.run(
        this.breakers,
        keys,
        argumentsBy({ now_ms, age_ms_max, valid_from_ms, project_name }),
      );
    };
    const validFromMs = age === 'fresh' ? this.validityOf(this.breakers.at(keys)).validFromMs() : 0;
    return typeof validFromMs === 'number' ? run(validFromMs) : validFromMs.then(run);
  }

  private validityOf(breaker: RedisCircuitBreaker): StateValidity {
    let validity = this.validities.get(breaker);
    if (validity === undefined) {
      validity = new StateValidity(async () => {
        // States from then on were stored over a connection that works.
        await breaker.untilAnswering();
        return Number(this.clock.redisNowMs());
      });
      this.validities.set(breaker, validity);
    }
    return validity;
  }
}

function adoptedText(hold: Hold, now: Date): string[] {
  const { id, holdPicos, period, sinceMs, expiresMs } = hold;
  const made = sinceMs === null ? period : `${period}/${sinceMs}`;
  const leftMs = String(expiresMs - now.getTime());
  return [id, String(holdNanos(holdPicos)), String(holdPicos), made, contentText(hold), leftMs];
}
