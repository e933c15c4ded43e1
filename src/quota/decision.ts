/** What the quota service answers: plain data, which the HTTP door puts into words. */
import type { Subject } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import type { Denial, Question, QuotaMode, Remaining } from '../domain/quota-rules.js';

/** What a running request may still cost. It ends when its usage is booked, when it is released, or at `expiresAt`. */
export type Hold = {
  readonly id: string;
  readonly subject: Subject;
  readonly model: string;
  /** The month of the reservation, whatever month it ends in. */
  readonly period: Period;
  /** Zero for a model without a price, and where the entity's limits are off. */
  readonly holdPicos: bigint;
  /** Unix seconds. */
  readonly expiresAt: number;
};

/**
 * How the output of a hold was sized: as the request names it, as the model's outputs were lately, or as large as the model's
 * can be. `none` is no hold at all.
 */
export type HoldBasis = 'requested' | 'learned' | 'maximum' | 'none';

/** `remaining` leaves room for every other hold, but not for this one. */
export type Reservation = Hold & { readonly basis: HoldBasis; readonly remaining: Remaining };

export type ReserveOrder = {
  readonly subject: Subject;
  readonly model: string;
  /** The model's own maximum stands in for what is missing, and for the output what was learned of it. */
  readonly inputTokens?: number | undefined;
  readonly maxOutputTokens?: number | undefined;
  /** The same request again gets the same reservation. */
  readonly requestId?: string | undefined;
  /** 1 to HOLD_SECONDS_MAX. */
  readonly ttlSeconds: number;
};

/** A question with the version of the state that answered it, and the time of which that state is. */
export type Weighed = Question & { readonly version: bigint; readonly at: Date };

/** What a decision was asked for; `holdPicos` null is a request of unknown cost. */
export type Asked = {
  readonly kind: 'reservation' | 'check';
  readonly subject: Subject;
  readonly model: string | null;
  readonly inputTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly requestId: string | null;
  readonly holdPicos: bigint | null;
};

/** `degraded`: Redis or Postgres was away, so that holds or the latest spend were not looked at. */
export type Denied = {
  readonly allowed: false;
  readonly degraded: boolean;
  readonly decisionId: string;
  /** False for what is beyond the denials of a minute that are kept. */
  readonly isKept: boolean;
  readonly denial: Denial;
};

/** An admission where limits may not decide: in `shadow`, with the denial that `enforce` would have given, if any. */
export type Admitted = {
  readonly allowed: true;
  readonly degraded: boolean;
  readonly mode: QuotaMode;
  readonly shadow: Denied | null;
};

/** All that a denial was decided by. */
export type DeniedDecision = {
  readonly id: string;
  readonly at: Date;
  readonly asked: Asked;
  readonly question: Weighed;
  readonly denial: Denial;
  readonly degraded: boolean;
};

export type ReserveDecision = (Admitted & { readonly reservation: Reservation }) | Denied;

export type Checked = Admitted & {
  readonly subject: Subject;
  readonly period: Period;
  readonly remaining: Remaining;
};
export type CheckDecision = Checked | Denied;
