/** The quota scripts as functions: what goes in, and what their replies mean. It decides nothing itself. */
import type { Redis } from 'ioredis';
import { picosFromNanos } from '@tally/client/protocol';
import { assert } from '../domain/errors.js';
import type { EntityName, ProjectName, Subject } from '../domain/ids.js';
import { holdNanos } from '../domain/money.js';
import type { Period } from '../domain/period.js';
import { learnedFromNanos, weighedNanos, type LimitName, type QuotaState } from '../domain/quota-rules.js';
import type { Clock } from '../platform/clock.js';
import { entityEntry, projectEntry } from './cached-state.js';
import type { Weighed } from './decision.js';
import { decisionKeys, holdKeys, publicationKeys } from './keys.js';
import { LuaScript, type LuaReply } from './lua-script.js';
import { RedisGate } from './redis-gate.js';
import { toAnswer, toReserved } from './script-reply.js';

const RESERVE = new LuaScript('bounds', 'reserve-usual', 'holds', 'decision', 'reserve');
const CHECK = new LuaScript('bounds', 'holds', 'decision', 'check');
const PUBLISH = new LuaScript('bounds', 'holds', 'publish');
const RELEASE = new LuaScript('bounds', 'release-usual', 'holds', 'release');
const EXTEND = new LuaScript('bounds', 'holds', 'extend');
const ADOPT = new LuaScript('bounds', 'holds', 'adopt');
const HELD = new LuaScript('bounds', 'holds', 'held');

/** How old a state may be. Every commit publishes its own; this bounds what a publication that was lost can do. */
const FRESH_MS_MAX = 60_000;
/** How old it may be while Postgres is away. */
const AGED_MS_MAX = 900_000;
/** Holds that one script takes over. */
const ADOPTED_MAX = 500;
export type Age = 'fresh' | 'aged';

export type HoldOrder = Subject & {
  readonly id: string;
  /** Null is a request of unknown cost: it is admitted where any room is left, and holds nothing. */
  readonly holdPicos: bigint | null;
  /** Held in its place while enough is left (`learnedFromNanos`); null or left out where nothing was learned. */
  readonly learnedPicos?: bigint | null;
  readonly ttlSeconds: number;
  readonly content: HoldContent;
};

/** What makes two reservations of one id the same. */
export type HoldContent = {
  readonly model: string;
  readonly inputTokens: number | null;
  readonly maxOutputTokens: number | null;
};

/** `cold`: the states cannot decide and must be loaded, as of the time given. */
export type Cold = { readonly verdict: 'cold'; readonly at: Date };
export type Passed = { readonly limit: LimitName; readonly retryable: boolean };
export type Denied = Passed & { readonly verdict: 'denied'; readonly question: Weighed };
export type Allowed = { readonly verdict: 'allowed'; readonly question: Weighed };
/**
 * `held`: the hold is there, from now or from before; `passed` is the limit that would have denied it, where the entity is only
 * watched. `ended`: it was there, and does not come back. `off`: nothing was asked and nothing is held.
 */
export type Reserved =
  | {
      verdict: 'held';
      question: Weighed;
      holdPicos: bigint;
      period: Period;
      expiresMs: number;
      passed: Passed | null;
    }
  | { verdict: 'off'; question: Weighed; period: Period; expiresMs: number }
  | { verdict: 'ended'; question: Weighed; period: Period; endedMs: number }
  | { verdict: 'conflict'; question: Weighed };

export type KeptHold = {
  readonly id: string;
  readonly project: ProjectName;
  readonly content: HoldContent;
  readonly holdPicos: bigint;
  readonly period: Period;
  readonly expiresMs: number;
};

export class RedisQuota {
  /** Milliseconds from which on states are trusted: what was published before may have been missed, or be of another database. */
  private trustedFromMs: number | Promise<number> | null = null;
  private distrustCount = 0;

  constructor(
    redis: Redis,
    private readonly clock: Clock,
    private readonly gate = new RedisGate(redis),
  ) {
    redis.on('close', () => this.distrust());
  }

  reserve(order: HoldOrder, age: Age): Promise<Cold | Denied | Reserved> {
    const { id, holdPicos, learnedPicos = null, ttlSeconds, content } = order;
    const args = [
      weighedNanos(holdPicos),
      id,
      holdNanos(holdPicos ?? 0n),
      String(holdPicos ?? 0n),
      ttlSeconds * 1_000,
      contentText(order.project, content),
      learnedPicos === null ? '' : holdNanos(learnedPicos),
      String(learnedPicos ?? ''),
      learnedFromNanos(holdPicos ?? 0n),
    ];
    return this.evaluate(RESERVE, order, age, args).then((reply) => {
      const answer = toAnswer(reply);
      return answer.verdict === 'other' ? toReserved(answer) : answer;
    });
  }

  async check(subject: Subject, age: Age): Promise<Cold | Denied | Allowed> {
    const reply = toAnswer(await this.evaluate(CHECK, subject, age, [weighedNanos(null)]));
    if (reply.verdict !== 'other') return reply;
    assert(reply.values[0] === 'allowed', 'a check is cold, denied or allowed');
    return { verdict: 'allowed', question: reply.question };
  }

  /** Trusts no state that is in Redis by now. */
  distrust(): void {
    this.distrustCount += 1;
    this.trustedFromMs = null;
  }

  /**
   * Puts states in place that are no older than what is there, and ends the holds, which are all of the states' entities.
   * Returns, by entity, the later version that was found instead; given it as `seen`, versions up to it give way.
   */
  async publish(
    states: readonly QuotaState[],
    ended: ReadonlyMap<EntityName, readonly string[]>,
    seen: ReadonlyMap<EntityName, bigint> = new Map(),
  ): Promise<Map<EntityName, bigint>> {
    const later = new Map<EntityName, bigint>();
    const publishOne = async (state: QuotaState): Promise<void> => {
      const { entity } = state;
      const version = await this.publishOne(state, ended.get(entity) ?? [], seen.get(entity) ?? 0n);
      if (version > 0n) later.set(entity, version);
    };
    // Written one after the other without waiting, so that they travel together.
    const published = await Promise.allSettled(states.map(publishOne));
    const failed = published.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return later;
  }

  private async publishOne(state: QuotaState, ended: readonly string[], seen: bigint): Promise<bigint> {
    const projects = state.projects.map(({ project }) => project);
    const entries = [entityEntry(state), ...state.projects.map((project) => projectEntry(state, project))];
    const reply = await PUBLISH.run(this.gate, publicationKeys(state.entity, projects), [
      this.clock.redisNowMs(),
      JSON.stringify(ended),
      JSON.stringify(entries),
      String(seen),
    ]);
    return BigInt(String(reply));
  }

  release(entity: EntityName, id: string): Promise<unknown> {
    return RELEASE.run(this.gate, holdKeys(entity), [this.clock.redisNowMs(), id]);
  }

  /** Null where the hold has ended. */
  async extend(entity: EntityName, id: string, ttlSeconds: number): Promise<KeptHold | null> {
    const reply = await EXTEND.run(this.gate, holdKeys(entity), [
      this.clock.redisNowMs(),
      id,
      ttlSeconds * 1_000,
    ]);
    if (reply === null) return null;
    const [picos, period, expiresMs, content] = reply as [string, Period, number, string];
    return { id, ...readContent(content), holdPicos: BigInt(picos), period, expiresMs };
  }

  /** Throws RedisAway. */
  async untilAnswering(): Promise<void> {
    await this.gate.ask((redis) => redis.ping());
  }

  /** Takes over holds whose requests run already. Time that they have left is told, for clocks differ. */
  async adopt(entity: EntityName, holds: readonly KeptHold[], now: Date): Promise<void> {
    const left = holds.filter(({ expiresMs }) => expiresMs > now.getTime());
    for (let start = 0; start < left.length; start += ADOPTED_MAX) {
      const texts = left
        .slice(start, start + ADOPTED_MAX)
        .map(({ id, project, holdPicos, period, content, expiresMs }) => [
          id,
          String(holdNanos(holdPicos)),
          String(holdPicos),
          period,
          contentText(project, content),
          String(expiresMs - now.getTime()),
        ]);
      await ADOPT.run(this.gate, holdKeys(entity), [this.clock.redisNowMs(), JSON.stringify(texts)]);
    }
  }

  async held(entity: EntityName): Promise<{ heldPicos: bigint; requestCount: number }> {
    const [nanos, count] = (await HELD.run(this.gate, holdKeys(entity), [this.clock.redisNowMs()])) as [
      number,
      number,
    ];
    return { heldPicos: picosFromNanos(nanos), requestCount: count };
  }

  /** Runs a script that decides by the states of an entity and a project. */
  evaluate(
    script: LuaScript,
    subject: Subject,
    age: Age,
    args: readonly (string | number)[],
  ): Promise<LuaReply> {
    const keys = decisionKeys(subject);
    const ageMsMax = age === 'fresh' ? FRESH_MS_MAX : AGED_MS_MAX;
    const run = (trustedFromMs: number) =>
      script.run(this.gate, keys, [
        this.clock.redisNowMs(),
        ageMsMax,
        trustedFromMs,
        subject.project,
        ...args,
      ]);
    const trusted = age === 'fresh' ? this.trusted() : 0;
    return typeof trusted === 'number' ? run(trusted) : trusted.then(run);
  }

  /** No promise once it is known, for nearly every decision asks. */
  private trusted(): number | Promise<number> {
    this.trustedFromMs ??= this.askTrusted();
    return this.trustedFromMs;
  }

  private async askTrusted(): Promise<number> {
    const distrusts = this.distrustCount;
    const keep = (timeMs: number | null) => {
      if (distrusts === this.distrustCount) this.trustedFromMs = timeMs;
    };
    try {
      const timeMs = await this.redisTimeMs();
      keep(timeMs);
      return timeMs;
    } catch (error) {
      keep(null);
      throw error;
    }
  }

  private async redisTimeMs(): Promise<number> {
    const given = this.clock.redisNowMs();
    if (given !== '') return Number(given);
    const [seconds, micros] = await this.gate.ask((redis) => redis.time());
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }
}

/** The model comes last: it alone may contain a colon. */
function contentText(project: ProjectName, { model, inputTokens, maxOutputTokens }: HoldContent): string {
  return [project, inputTokens ?? '', maxOutputTokens ?? '', model].join(':');
}

function readContent(text: string): { project: ProjectName; content: HoldContent } {
  const [project = '', input = '', output = '', ...model] = text.split(':');
  const count = (digits: string) => (digits === '' ? null : Number(digits));
  return {
    project: project as ProjectName,
    content: { model: model.join(':'), inputTokens: count(input), maxOutputTokens: count(output) },
  };
}
