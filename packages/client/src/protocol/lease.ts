/**
 * A lease is a slice of what a project may still spend, on which a gateway admits requests by itself. The gateway states what
 * it holds (`POST /v1/quota/leases`), and Tally answers with what it may add or must give back.
 */
import { keyPrefixOf } from './redis-prefix.js';

/** How long a gateway admits on one answer: the default and the longest. */
export const LEASE_SECONDS_DEFAULT = 10;
export const LEASE_SECONDS_MAX = 60;
/** Finished requests in one statement. */
export const LEASE_FINISHED_MAX = 1_000;
/** Models whose prices one statement asks for. */
export const LEASE_MODELS_MAX = 50;

/** The Redis channel on which Tally publishes the name of an entity whose leases must be given back; `prefix` is `REDIS_PREFIX`. */
export function leaseRecallsChannel(prefix: string | null): string {
  return `${keyPrefixOf(prefix)}tally:leases`;
}

/** A request that has run: from here on Tally holds `hold_usd` for it, until its usage event is booked. */
export interface FinishedRequest {
  /** A reservation id that the gateway made. */
  readonly id: string;
  readonly hold_usd: string;
}

export interface LeaseEnding {
  /** `entity/project` */
  readonly project: string;
  /** How long one of its requests may run. */
  readonly request_seconds: number;
  readonly finished: readonly FinishedRequest[];
}

/** Absolute amounts, so that a statement that is lost or repeated moves nothing. All in US dollars. */
export interface LeaseStatement extends LeaseEnding {
  /** Made by the gateway. */
  readonly lease_id: string;
  /** Rises with every statement; Tally ignores an older one. */
  readonly sequence: number;
  /** What requests in flight hold, without those in `finished`. */
  readonly outstanding_usd: string;
  /** What is left of the slice. */
  readonly free_usd: string;
  /** What the gateway wants to have free; zero gives everything back. */
  readonly wanted_usd: string;
  /** The largest hold that it has lately made. */
  readonly largest_hold_usd: string;
  /** How long it wants to admit on the answer, 1 to 60 seconds. */
  readonly ttl_seconds: number;
  /** Whose prices it needs, at most 50. */
  readonly models: readonly string[];
}

export interface LeaseAnswer {
  /** That of the statement which it answers. */
  readonly sequence: number;
  /** To add to what is free. */
  readonly granted_usd: string;
  /** To take from what is free, as far as it is still there. */
  readonly give_back_usd: string;
  /** How long to admit on it, from before the statement was sent. */
  readonly lifetime_ms: number;
  /** Why there is less than was wanted. */
  readonly reason: LeaseReason | null;
  /** Of those models whose price does not change before the lease ends. */
  readonly prices: readonly LeasePrice[];
}

export type LeaseReason = 'near_limit' | 'concurrency_limited' | 'not_enforced' | 'shared';

/** What one model's requests hold: the dearest prices that one of the default tier may meet, of any size and in any region. */
export interface LeasePrice {
  readonly model: string;
  readonly input_usd_per_million: string;
  readonly output_usd_per_million: string;
  /** For the request as such. A Tally that leaves it out charges none. */
  readonly request_usd?: string;
  /** Stand in for what a request does not say. */
  readonly input_tokens_default: number;
  readonly output_tokens_default: number;
}
