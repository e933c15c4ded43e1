/** Whether this process can do its work: Postgres and Redis are asked for two seconds at most. */
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Database } from '../platform/database.js';
import { QUOTA_REDIS } from '../platform/redis.js';

/** The token of the process' role. */
export const PROCESS_ROLE = Symbol('PROCESS_ROLE');

const ANSWER_MS_MAX = 2_000;

type State = 'ok' | 'away';
type Checks = { readonly postgres: State; readonly redis: State };
export type Readings = {
  readonly status: 'ok' | 'degraded' | 'unavailable' | 'draining';
  readonly checks: Checks;
};

@Injectable()
export class Readiness {
  private isDraining = false;

  constructor(
    private readonly database: Database,
    @Inject(QUOTA_REDIS) private readonly redis: Redis,
    @Inject(PROCESS_ROLE) private readonly role: 'api' | 'worker' | 'all',
  ) {}

  /** From now on this process says that it leaves, so that nobody sends it more. It answers what comes nevertheless. */
  drain(): void {
    this.isDraining = true;
  }

  async check(): Promise<Readings> {
    const [postgres, redis] = await Promise.all([answers(this.database.ping()), answers(this.redis.ping())]);
    const status = this.isDraining ? 'draining' : statusOf(this.role, { postgres, redis });
    return { status, checks: { postgres, redis } };
  }
}

/**
 * An API that is taken out of rotation decides nothing, so it stays while one of the servers lets it decide. A worker that cannot commit does
 * nothing; without Redis it waits, which starting it again would not change.
 */
export function statusOf(
  role: 'api' | 'worker' | 'all',
  { postgres, redis }: Checks,
): 'ok' | 'degraded' | 'unavailable' {
  if (postgres === 'ok' && redis === 'ok') return 'ok';
  const canWork = role === 'worker' ? postgres === 'ok' : postgres === 'ok' || redis === 'ok';
  return canWork ? 'degraded' : 'unavailable';
}

async function answers(question: Promise<unknown>): Promise<State> {
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
