/** Leases as data, between the HTTP layer and the script. README.md has the protocol. */
import type { LeaseReason } from '@tally/client/protocol';
import type { Subject } from '../domain/ids.js';

export type FinishedRequest = { readonly id: string; readonly holdPicos: bigint };

/** What a gateway states about its lease: absolute amounts, so that a repeated or lost statement moves nothing. */
export type LeaseStatement = {
  readonly id: string;
  readonly subject: Subject;
  /** Rises with every statement; an older one changes nothing. */
  readonly sequence: number;
  /** What its requests in flight hold, without those that it hands over here. */
  readonly outstandingPicos: bigint;
  /** What is left of its slice. */
  readonly freePicos: bigint;
  /** What it wants to have free; zero gives everything back. */
  readonly wantedPicos: bigint;
  /** The largest of its recent holds. */
  readonly largestHoldPicos: bigint;
  readonly ttlSeconds: number;
  /** How long one of its requests may run. */
  readonly requestSeconds: number;
  /** Requests whose events are on their way: each becomes a hold of its own, unless its event is booked already. */
  readonly finished: readonly FinishedRequest[];
  readonly models: readonly string[];
};

/** What a gateway states when it ends a lease. */
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

/** What a gateway needs to compute the holds of a model's requests itself: the dearest prices that they may meet in the default tier. */
export type HoldRates = {
  readonly model: string;
  readonly inputPicosPerToken: bigint;
  readonly outputPicosPerToken: bigint;
  /** For the request as such. */
  readonly requestPicos: bigint;
  /** Used where a request does not say. */
  readonly inputTokensDefault: number;
  readonly outputTokensDefault: number;
};

export type Lease = Leased & {
  readonly id: string;
  readonly subject: Subject;
  readonly sequence: number;
  readonly degraded: boolean;
  /** Only of models whose price does not change before the lease ends. */
  readonly rates: readonly HoldRates[];
};
