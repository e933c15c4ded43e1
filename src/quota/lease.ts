/** What leases are made of, between the HTTP door and the script: README.md has the protocol. */
import type { LeaseReason } from '@tally/client/protocol';
import type { Subject } from '../domain/ids.js';

export type FinishedRequest = { readonly id: string; readonly holdPicos: bigint };

/** A gateway's own account of its lease: absolute, so that repeating or losing one moves nothing. */
export type LeaseStatement = {
  readonly id: string;
  readonly subject: Subject;
  /** Rises with every statement; an older one changes nothing. */
  readonly sequence: number;
  /** What its running requests hold, without those that it hands over here. */
  readonly outstandingPicos: bigint;
  /** What is left of its slice. */
  readonly freePicos: bigint;
  /** What it would like to have free; zero gives all back. */
  readonly wantedPicos: bigint;
  /** The largest hold that it has lately drawn. */
  readonly largestHoldPicos: bigint;
  readonly ttlSeconds: number;
  /** How long one of its requests may run. */
  readonly requestSeconds: number;
  /** Requests whose events are on their way: each becomes a hold of its own, unless it is booked already. */
  readonly finished: readonly FinishedRequest[];
  readonly models: readonly string[];
};

/** What an end says of it. */
export type LeaseEnding = Pick<LeaseStatement, 'id' | 'subject' | 'requestSeconds' | 'finished'>;

export type Leased = {
  readonly verdict: 'leased';
  /** To be added to what is free. */
  readonly grantedPicos: bigint;
  /** To be taken from what is free, as far as it is still there. */
  readonly giveBackPicos: bigint;
  /** From before the statement was sent. */
  readonly lifetimeMs: number;
  /** Why there is less than was wanted. */
  readonly reason: LeaseReason | null;
};

/** What a model's requests hold, for a gateway that computes it itself. */
export type HoldRates = {
  readonly model: string;
  readonly inputPicosPerToken: bigint;
  readonly outputPicosPerToken: bigint;
  /** What stands in for what a request does not say. */
  readonly inputTokensDefault: number;
  readonly outputTokensDefault: number;
};

export type Lease = Leased & {
  readonly id: string;
  readonly subject: Subject;
  readonly sequence: number;
  readonly degraded: boolean;
  /** Of the models that have a price which does not change before the lease ends. */
  readonly rates: readonly HoldRates[];
};
