/**
 * Every Redis command of a decision goes through the circuit breaker of its server. After a command that is not answered in time, all others
 * fail at once, so that one request waits for a silent Redis and not every request; a ping finds out when it answers again.
 */
import type { RedisClient } from '@tally/client/redis';
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { DeadlineError, Deadlines } from '../platform/deadline.js';
import { Unavailable } from '../platform/unavailable.js';

/** How long a command waits, and how often where other commands were answered meanwhile: a long queue is not silence. */
const ANSWER_MS_MAX = 400;
const WAITS_MAX = 2;
const PING_PAUSE_MS = 100;

export class RedisCircuitBreaker {
  private readonly deadlines = new Deadlines();
  private isOpen = false;
  private answerCount = 0;

  /** `node` is the server; `redis` is what asks it, and follows a Cluster's slots from node to node. */
  constructor(
    private readonly redis: RedisClient,
    private readonly node: RedisClient | Redis = redis,
  ) {}

  /** Throws Unavailable. */
  async untilAnswering(): Promise<void> {
    await this.ask(() => this.node.ping());
  }

  /** Throws Unavailable where Redis does not answer in time or fails; at once while the circuit is open. */
  ask<T>(command: (redis: RedisClient, node: RedisClient) => Promise<T>): Promise<T> {
    if (this.isOpen) return Promise.reject(new Unavailable('redis', 'an earlier command was not answered'));
    return new Promise((resolve, reject) => {
      const answer = command(this.redis, this.node);
      const wait = this.deadlines.start(ANSWER_MS_MAX, this.whetherToWaitOn(reject));
      answer.then(
        (value) => {
          this.deadlines.end(wait);
          this.answerCount += 1;
          return resolve(value);
        },
        (error: unknown) => {
          this.deadlines.end(wait);
          reject(new Unavailable('redis', error));
        },
      );
    });
  }

  /** Called at the end of each of a command's waits. */
  private whetherToWaitOn(reject: (error: Unavailable) => void): () => boolean {
    let waits = 0;
    let before = this.answerCount;
    return () => {
      waits += 1;
      const isSilent = this.answerCount === before;
      before = this.answerCount;
      if (!isSilent && waits < WAITS_MAX) return true;
      if (!this.isOpen) void this.openUntilAnswered();
      reject(new Unavailable('redis', new DeadlineError(ANSWER_MS_MAX)));
      return false;
    };
  }

  /** Replies come in sequence on one connection: once the ping is answered, so is every command before it. */
  private async openUntilAnswered(): Promise<void> {
    this.isOpen = true;
    while (this.node.status !== 'end' && !(await this.isAnswering())) {
      await delay(PING_PAUSE_MS, undefined, { ref: false });
    }
    this.isOpen = false;
  }

  private async isAnswering(): Promise<boolean> {
    return this.deadlines.within(ANSWER_MS_MAX, this.node.ping()).then(
      () => true,
      () => false,
    );
  }
}
