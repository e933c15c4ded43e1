/** Leases: gateways decide by themselves on a slice of what is left. README.md has the protocol. */
import { TallyError } from '../domain/errors.js';
import type { Subject } from '../domain/ids.js';
import type { HoldSize } from './hold-size.js';
import type { HoldRates, Lease, LeaseEnding, LeaseStatement } from './lease.js';
import { overloaded } from './quota-error.js';
import { RedisLeases, type LeaseAnswer } from './redis-leases.js';
import type { Age, Cold, RedisQuota } from './redis-quota.js';

/** Asks Redis and loads what it does not know; null where it cannot decide. */
type AskRedis = (
  subject: Subject,
  ask: (age: Age) => Promise<LeaseAnswer | Cold>,
) => Promise<{ answer: LeaseAnswer; degraded: boolean } | null>;

export class Leases {
  private readonly redis: RedisLeases;

  constructor(
    quota: RedisQuota,
    private readonly askRedis: AskRedis,
    private readonly holdSize: HoldSize,
  ) {
    this.redis = new RedisLeases(quota);
  }

  /** Puts the statement in force, and grants what there is room for. */
  async renew(statement: LeaseStatement): Promise<Lease> {
    const { id, subject, sequence } = statement;
    const rates = await this.ratesOf(statement);
    const { answer, degraded } = await this.ask(subject, (age) => this.redis.renew(statement, age));
    if (answer.verdict !== 'leased') throw refusalOf(answer.verdict, id);
    return { ...answer, id, subject, sequence, rates, degraded };
  }

  async end(ending: LeaseEnding): Promise<void> {
    await this.ask(ending.subject, (age) => this.redis.end(ending, age));
  }

  private async ask(subject: Subject, ask: (age: Age) => Promise<LeaseAnswer | Cold>) {
    const asked = await this.askRedis(subject, ask);
    if (asked === null) throw overloaded();
    return asked;
  }

  private async ratesOf({ subject, models, ttlSeconds }: LeaseStatement): Promise<HoldRates[]> {
    const rates = models.map((model) => this.holdSize.ratesOf({ subject, model }, ttlSeconds));
    return (await Promise.all(rates)).filter((each) => each !== null);
  }
}

function refusalOf(verdict: 'ended' | 'outdated' | 'conflict', id: string): TallyError {
  if (verdict === 'ended')
    return new TallyError('not_found', `no lease ${id}, or it has ended`, { param: 'lease_id' });
  if (verdict === 'outdated')
    return new TallyError('conflict', `a later statement about ${id} is in force`, { param: 'sequence' });
  return new TallyError('conflict', `${id} is a lease of another project`, { param: 'project' });
}
