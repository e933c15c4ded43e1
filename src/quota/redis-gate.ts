/**
 * Every command of a decision goes through here. A Redis that does not answer in time is away for everybody from then on, so
 * that one request waits for it and not each of them; a ping finds out when it is back.
 */
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { DeadlineError, within } from './deadline.js';

/** Redis did not answer, or not in time, or could not do it: the caller decides without it. */
export class RedisAway extends Error {
  constructor(cause: unknown) {
    super('Redis is away', { cause });
    this.name = 'RedisAway';
  }
}

/** How long a command waits, and how often again where others were answered meanwhile: a long queue is not silence. */
const ANSWER_MS_MAX = 400;
const WAITS_MAX = 2;
const PING_PAUSE_MS = 100;

export class RedisGate {
  private isShut = false;
  private answerCount = 0;

  constructor(private readonly redis: Redis) {}

  /** Throws RedisAway, at once while Redis is known to be silent. */
  ask<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.isShut) return Promise.reject(new RedisAway('it did not answer before'));
    return this.wait(command(this.redis), 1);
  }

  private wait<T>(answer: Promise<T>, waits: number): Promise<T> {
    const before = this.answerCount;
    return within(ANSWER_MS_MAX, answer).then(
      (value) => {
        this.answerCount += 1;
        return value;
      },
      (error: unknown) => {
        const isLate = error instanceof DeadlineError;
        const isSilent = this.answerCount === before;
        if (isLate && !isSilent && waits < WAITS_MAX) return this.wait(answer, waits + 1);
        if (isLate && !this.isShut) void this.shut();
        throw new RedisAway(error);
      },
    );
  }

  /** Answers come in order on one connection: when the ping is answered, so is everything that was asked before it. */
  private async shut(): Promise<void> {
    this.isShut = true;
    while (this.redis.status !== 'end' && !(await this.isAnswering())) {
      await delay(PING_PAUSE_MS, undefined, { ref: false });
    }
    this.isShut = false;
  }

  private async isAnswering(): Promise<boolean> {
    return within(ANSWER_MS_MAX, this.redis.ping()).then(
      () => true,
      () => false,
    );
  }
}
