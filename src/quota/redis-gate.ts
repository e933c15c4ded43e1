/**
 * Every command of a decision goes through here. A Redis that does not answer in time is away for everybody from then on, so
 * that one request waits for it and not each of them; a ping finds out when it is back.
 */
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { DeadlineError, endWait, startWait, within } from '../platform/deadline.js';

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
    return new Promise((resolve, reject) => {
      const answer = command(this.redis);
      const wait = startWait(ANSWER_MS_MAX, this.goesOn(reject));
      answer.then(
        (value) => {
          endWait(wait);
          this.answerCount += 1;
          return resolve(value);
        },
        (error: unknown) => {
          endWait(wait);
          reject(new RedisAway(error));
        },
      );
    });
  }

  /** What is asked at the end of each wait for one answer. */
  private goesOn(reject: (error: RedisAway) => void): () => boolean {
    let waits = 0;
    let before = this.answerCount;
    return () => {
      waits += 1;
      const isSilent = this.answerCount === before;
      before = this.answerCount;
      if (!isSilent && waits < WAITS_MAX) return true;
      if (!this.isShut) void this.shut();
      reject(new RedisAway(new DeadlineError(ANSWER_MS_MAX)));
      return false;
    };
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
