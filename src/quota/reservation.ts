/** What a request asks to hold, and what is held for it. */
import type { Subject } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import type { Remaining } from '../domain/quota-limits.js';

/** A request that asks to be admitted. The same value goes from the route to Redis, to the fallback and to the answer. */
export type ReservationOrder = {
  /** Follows from `requestId` where there is one, so that a repeated request asks for the same reservation. */
  readonly id: string;
  readonly subject: Subject;
  readonly model: string;
  /** Other models that the request may run on instead. What the dearest of all costs is held. */
  readonly fallbacks: readonly string[];
  /** Null is the model's maximum, or what `inputBytes` bounds. */
  readonly inputTokens: number | null;
  /** No token is shorter than a byte, so this is an upper bound of the input. Null where it is not said or the tokens are known. */
  readonly inputBytes: number | null;
  /** Null is what was learned of the model's outputs, and near a limit the model's maximum. */
  readonly maxOutputTokens: number | null;
  /** How many inputs there are, each up to the model's maximum, where their tokens are not known. Otherwise 1. */
  readonly inputCount: number;
  /** The same for outputs, where they are not limited. */
  readonly outputCount: number;
  /** The tier that is asked for, in its one spelling; null is the default, `auto` is any. */
  readonly serviceTier: string | null;
  /** Null is any. */
  readonly region: string | null;
  readonly requestId: string | null;
  /** 1 to HOLD_SECONDS_MAX. */
  readonly ttlSeconds: number;
};

/** What a request in flight may still cost. It ends when its usage is booked, when it is released, or at `expiresMs`. */
export type Hold = { readonly id: string } & HoldContent & {
    /** The month of the reservation, whatever month it ends in. */
    readonly period: Period;
    /** Zero for a model without a price, a price that cannot be read, and where the entity's limits are off. */
    readonly holdPicos: bigint;
    readonly expiresMs: number;
    /** When it was made; null where that is not known. */
    readonly sinceMs: number | null;
  };

/** Two requests with the same id are the same request only where these are equal too. */
export type HoldContent = Pick<
  ReservationOrder,
  | 'subject'
  | 'model'
  | 'fallbacks'
  | 'inputTokens'
  | 'inputBytes'
  | 'maxOutputTokens'
  | 'inputCount'
  | 'outputCount'
  | 'serviceTier'
  | 'region'
  | 'requestId'
>;

/** These fields alone, in one sequence: V8 keeps one hidden class for all of them. */
export function contentOf(of: HoldContent): HoldContent {
  return {
    subject: of.subject,
    model: of.model,
    fallbacks: of.fallbacks,
    inputTokens: of.inputTokens,
    inputBytes: of.inputBytes,
    maxOutputTokens: of.maxOutputTokens,
    inputCount: of.inputCount,
    outputCount: of.outputCount,
    serviceTier: of.serviceTier,
    region: of.region,
    requestId: of.requestId,
  };
}

/** How the output was sized: as the request says, by the model's recent outputs, or by the model's maximum. `none` is no hold. */
export type HoldBasis = 'requested' | 'learned' | 'maximum' | 'none';

/** `remaining` is what every other hold leaves; this one is not taken off. */
export type Reservation = Hold & { readonly basis: HoldBasis; readonly remaining: Remaining };
