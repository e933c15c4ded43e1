/** The lease script as a function: what goes in, and what its replies mean. */
import { picosFromNanos, type LeaseReason } from '@tally/client/protocol';
import { assert } from '../domain/errors.js';
import { holdNanos, roomNanos } from '../domain/money.js';
import type { Leased, LeaseEnding, LeaseStatement } from './lease.js';
import { LuaScript } from './lua-script.js';
import type { Age, Cold, RedisQuota } from './redis-quota.js';

const LEASE = new LuaScript('bounds', 'holds', 'decision', 'lease');

/** A slice must fit some requests, or asking for it costs more than asking for each; and it is never less than this. */
const LEAST_HOLDS = 4;
const LEAST_NANOS = 1_000_000;

/**
 * `ended`: it was released or its time was up, and does not come back. `outdated`: a later statement is in force. `conflict`: it
 * is another project's.
 */
export type LeaseAnswer = Leased | { readonly verdict: 'ended' | 'outdated' | 'conflict' };

const NOTHING = {
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

  async renew(statement: LeaseStatement, age: Age): Promise<Cold | LeaseAnswer> {
    return this.run(statement, { age, ends: false });
  }

  /** Ends the lease; what it hands over stays. Again, or of a lease that never was, changes nothing. */
  async end(ending: LeaseEnding, age: Age): Promise<Cold | LeaseAnswer> {
    return this.run({ ...NOTHING, ...ending }, { age, ends: true });
  }

  private async run(
    statement: LeaseStatement,
    { age, ends }: { age: Age; ends: boolean },
  ): Promise<Cold | LeaseAnswer> {
    const { subject, finished } = statement;
    const texts = finished.map(({ id, holdPicos }) => [id, String(holdNanos(holdPicos)), String(holdPicos)]);
    const reply = (await this.quota.evaluate(LEASE, subject, age, [
      statement.id,
      statement.sequence,
      holdNanos(statement.outstandingPicos),
      holdNanos(statement.freePicos),
      roomNanos(statement.wantedPicos),
      Math.max(LEAST_NANOS, LEAST_HOLDS * holdNanos(statement.largestHoldPicos)),
      statement.ttlSeconds * 1_000,
      statement.requestSeconds * 1_000,
      JSON.stringify(texts),
      ends ? 1 : 0,
    ])) as readonly (string | number)[];
    return toAnswer(reply);
  }
}

function toAnswer(reply: readonly (string | number)[]): Cold | LeaseAnswer {
  const [verdict, ...fields] = reply;
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
