/** Whether this process can do its work. Postgres and Redis have two seconds to show that they take writes. */
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';
import { Deadlines } from '../platform/deadline.js';
import type { RedisNodes } from '../platform/redis-nodes.js';
import { WriteProbe } from '../platform/redis-probes.js';
import { QUEUE_REDIS, QUOTA_REDIS } from '../platform/redis.js';

/** The token of the process' role. */
export const PROCESS_ROLE = Symbol('PROCESS_ROLE');

const ANSWER_MS_MAX = 2_000;
const deadlines = new Deadlines();

type State = 'ok' | 'away';
type Checks = {
  readonly postgres: State;
  readonly redis: State;
  /** Only where QUEUE_REDIS_URL names another Redis. */
  readonly queue_redis?: State;
};
export type Readings = {
  readonly status: 'ok' | 'degraded' | 'unavailable' | 'draining';
  /** `reports_standby` where there is one. */
  readonly checks: Checks & { readonly reports_standby?: State };
  readonly report_lag_seconds?: number | null;
};

@Injectable()
export class Readiness {
  private isDraining = false;
  private readonly redisProbe: WriteProbe;
  /** Null where the queue is in the same Redis. */
  private readonly queueProbe: WriteProbe | null;

  constructor(
    private readonly database: Database,
    @Inject(QUOTA_REDIS) redis: RedisNodes,
    @Inject(QUEUE_REDIS) queueRedis: RedisNodes,
    @Inject(PROCESS_ROLE) private readonly role: 'api' | 'worker' | 'all',
  ) {
    this.redisProbe = new WriteProbe(redis, 'quota');
    this.queueProbe = queueRedis === redis ? null : new WriteProbe(queueRedis, 'queue');
  }

  /** From now on this process says that it leaves, so that nobody sends it more. It answers what comes nevertheless. */
  drain(): void {
    this.isDraining = true;
  }

  async check(): Promise<Readings> {
    const [postgres, redis, queue] = await Promise.all([
      answers(this.database.ping()),
      nodesThatServe(this.redisProbe),
      this.queueProbe && nodesThatServe(this.queueProbe),
    ]);
    const checks = {
      postgres,
      redis: redis.all,
      ...(queue !== null && { queue_redis: queue.all }),
    };
    const status = this.isDraining ? 'draining' : statusOf(this.role, checks, redis.some);
    const { standby } = this.database;
    if (standby === null) return { status, checks };
    const { isUp, lagSeconds } = standby.state;
    return {
      // Reports are read from the primary meanwhile.
      status: status === 'ok' && !isUp ? 'degraded' : status,
      checks: { ...checks, reports_standby: isUp ? 'ok' : 'away' },
      report_lag_seconds: lagSeconds === null ? null : Math.ceil(lagSeconds * 10) / 10,
    };
  }
}

/**
 * An API that is taken out of rotation decides nothing, so it stays while one of the servers lets it decide. A worker that cannot commit does
 * nothing; without Redis it waits, which starting it again would not change. Of a Cluster one node is enough: it decides for its entities.
 */
export function statusOf(
  role: 'api' | 'worker' | 'all',
  { postgres, redis, queue_redis: queue = 'ok' }: Checks,
  someOfRedis: State = redis,
): 'ok' | 'degraded' | 'unavailable' {
  if (postgres === 'ok' && redis === 'ok' && queue === 'ok') return 'ok';
  const canWork = role === 'worker' ? postgres === 'ok' : postgres === 'ok' || someOfRedis === 'ok';
  return canWork ? 'degraded' : 'unavailable';
}

async function nodesThatServe(probe: WriteProbe): Promise<{ all: State; some: State }> {
  const states = await Promise.all(probe.ask().map(answers));
  const some = states.includes('ok') ? 'ok' : 'away';
  return { all: states.includes('away') ? 'away' : some, some };
}

/** A process that is busy reads answers late; the deadline counts turns of its event loop, so that this is no outage. */
async function answers(question: Promise<unknown>): Promise<State> {
  return deadlines.within(ANSWER_MS_MAX, question).then(
    () => 'ok' as const,
    () => 'away' as const,
  );
}
