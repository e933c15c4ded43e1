/** The lease script as a function: what goes in, and what its replies mean. */
import { picosFromNanos, type LeaseReason } from '@tally/client/protocol';
import { assert } from '../domain/errors.js';
import { holdNanos, roomNanos } from '../domain/money.js';
import type { Leased, LeaseEnding, LeaseStatement } from './lease.js';
import type { LuaReply } from './lua-script.js';
import { GRANT_LEASE } from './quota-scripts.js';
import type { Age, RedisQuota } from './redis-quota.js';
import type { Cold } from './script-replies.js';

/** No slice is smaller than this many holds, or asking for it costs more than asking for each request; nor than this amount. */
const LEAST_HOLDS = 4;
const LEAST_NANOS = 1_000_000;

/**
 * `ended`: it was released or has expired, and does not come back. `outdated`: a later statement is in force. `conflict`: it
 * belongs to another project.
 */
export type LeaseReply = Cold | Leased | { readonly verdict: 'ended' | 'outdated' | 'conflict' };

/** A lease that ends states nothing but what it hands over. */
const STATES_NOTHING = {
  sequence: 0,
  outstandingPicos: 0n,
  freePicos: 0n,
  wantedPicos: 0n,
  largestHoldPicos: 0n,
  ttlSeconds: 0,
  models: [],
};

export class RedisLeases {
  constructor(private readonly quota: RedisQuota) {}

  async renew(statement: LeaseStatement, age: Age): Promise<LeaseReply> {
    return this.run(statement, { age, isEnd: false });
  }

  /** Ends the lease; what it hands over stays held. Ending it again, or one that never was, changes nothing. */
  async end(ending: LeaseEnding, age: Age): Promise<LeaseReply> {
    return this.run({ ...STATES_NOTHING, ...ending }, { age, isEnd: true });
  }

  private async run(
    statement: LeaseStatement,
    { age, isEnd }: { age: Age; isEnd: boolean },
  ): Promise<LeaseReply> {
    const { subject, finished } = statement;
    const texts = finished.map(({ id, holdPicos }) => [id, String(holdNanos(holdPicos)), String(holdPicos)]);
    const reply = await this.quota.evaluate(GRANT_LEASE, subject, age, (by) => ({
      ...by,
      lease_id: statement.id,
      statement_sequence: statement.sequence,
      outstanding_nanos: holdNanos(statement.outstandingPicos),
      free_nanos: holdNanos(statement.freePicos),
      wanted_nanos: roomNanos(statement.wantedPicos),
      least_nanos: Math.max(LEAST_NANOS, LEAST_HOLDS * holdNanos(statement.largestHoldPicos)),
      lease_ttl_ms: statement.ttlSeconds * 1_000,
      request_ttl_ms: statement.requestSeconds * 1_000,
      finished: JSON.stringify(texts),
      is_end: isEnd ? 1 : 0,
    }));
    return toLeaseReply(reply);
  }
}

function toLeaseReply(reply: LuaReply): LeaseReply {
  const [verdict, ...fields] = reply as readonly (string | number)[];
  if (verdict === 'cold') return { verdict, at: new Date(Number(fields[0])) };
  if (verdict === 'ended' || verdict === 'outdated' || verdict === 'conflict') return { verdict };
  assert(verdict === 'leased', 'a statement is in force, or the script says why not');
  const [granted, giveBack, lifetimeMs, reason] = fields;
  return {
    verdict,
    grantedPicos: picosFromNanos(Number(granted)),
    giveBackPicos: picosFromNanos(Number(giveBack)),
    lifetimeMs: Number(lifetimeMs),
    reason: reason === '' ? null : (reason as LeaseReason),
  };
}
