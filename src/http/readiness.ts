/** Asks Postgres and Redis whether they answer, for two seconds at most. */
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Database } from '../platform/database.js';
import { QUOTA_REDIS } from '../platform/redis.js';

const ANSWER_MS_MAX = 2_000;

@Injectable()
export class Readiness {
  constructor(
    private readonly database: Database,
    @Inject(QUOTA_REDIS) private readonly redis: Redis,
  ) {}

  async check(): Promise<{ postgres: 'ok' | 'away'; redis: 'ok' | 'away' }> {
    const [postgres, redis] = await Promise.all([answers(this.database.ping()), answers(this.redis.ping())]);
    return { postgres, redis };
  }
}

async function answers(question: Promise<unknown>): Promise<'ok' | 'away'> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<'away'>((resolve) => {
    timer = setTimeout(() => resolve('away'), ANSWER_MS_MAX);
  });
  const answer = question.then(
    () => 'ok' as const,
    () => 'away' as const,
  );
  return Promise.race([answer, tooLate]).finally(() => clearTimeout(timer));
}
