/** Leases: gateways decide themselves on a slice of what is left. README.md has the protocol. */
import { TallyError } from '../domain/errors.js';
import type { HoldSizes } from './hold-size.js';
import type { HoldRates, Lease, LeaseEnding, LeaseStatement } from './lease.js';
import { overloaded } from './quota-errors.js';
import type { RedisDecisions } from './redis-decisions.js';
import type { RedisLeases } from './redis-leases.js';

export class Leases {
  constructor(
    private readonly redis: RedisLeases,
    private readonly decisions: RedisDecisions,
    private readonly holdSizes: HoldSizes,
  ) {}

  /** Applies the statement and grants what there is room for. */
  async renew(statement: LeaseStatement): Promise<Lease> {
    const { id, subject, sequence } = statement;
    const rates = await this.ratesOf(statement);
    const answer = await this.decisions.ask(subject, (age) => this.redis.renew(statement, age));
    if (answer === null) throw overloaded();
    const { reply, degraded } = answer;
    if (reply.verdict !== 'leased') throw refusalOf(reply.verdict, id);
    return { ...reply, id, subject, sequence, rates, degraded };
  }

  async end(ending: LeaseEnding): Promise<void> {
    const answer = await this.decisions.ask(ending.subject, (age) => this.redis.end(ending, age));
    if (answer === null) throw overloaded();
  }

  private async ratesOf(statement: LeaseStatement): Promise<HoldRates[]> {
    const { subject, models, ttlSeconds: leaseSeconds, requestSeconds } = statement;
    const rates = models.map((model) =>
      this.holdSizes.ratesOf({ subject, model }, { leaseSeconds, requestSeconds }),
    );
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
