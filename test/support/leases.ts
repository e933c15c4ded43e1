/** Statements about leases for tests: amounts are zero unless a test names them, and strings of US dollars. */
import type { FinishedRequest, LeaseStatement } from '../../src/quota/lease.js';
import { idOf } from './quota-redis.js';
import { aSubject, usd } from './quota.js';

export type Said = {
  lease?: string;
  subject?: string;
  sequence?: number;
  outstanding?: string;
  free?: string;
  wanted?: string;
  largestHold?: string;
  ttlSeconds?: number;
  requestSeconds?: number;
  finished?: readonly FinishedRequest[];
};

/** `lease` is its name in the test, for example one letter. */
export function leaseId(lease = 'a', entity = 'entity1'): string {
  return `lease_${lease.padEnd(22, '_')}.${entity}`;
}

export function aStatement(said: Said = {}): LeaseStatement {
  const subject = aSubject(said.subject);
  return {
    id: leaseId(said.lease, subject.entity),
    subject,
    sequence: said.sequence ?? 1,
    outstandingPicos: usd(said.outstanding ?? '0'),
    freePicos: usd(said.free ?? '0'),
    wantedPicos: usd(said.wanted ?? '0'),
    largestHoldPicos: usd(said.largestHold ?? '0'),
    ttlSeconds: said.ttlSeconds ?? 10,
    requestSeconds: said.requestSeconds ?? 900,
    finished: said.finished ?? [],
    models: [],
  };
}

/** A request that ran under a lease, with the id that a reservation with this request id has. */
export function aFinished(requestId: string, amount: string): FinishedRequest {
  return { id: idOf(requestId), holdPicos: usd(amount) };
}
