/** What the quota service answers: plain data, which the HTTP door puts into words. */
import type { Subject } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import type { Denial, Remaining } from '../domain/quota.js';

/** What a running request may still cost. It ends when its usage is booked, when it is released, or at `expiresAt`. */
export type Hold = {
  readonly id: string;
  readonly subject: Subject;
  readonly model: string;
  /** The month of the reservation, whatever month it ends in. */
  readonly period: Period;
  /** Zero for a model without a price, and while Redis is away. */
  readonly holdPicos: bigint;
  /** Unix seconds. */
  readonly expiresAt: number;
};

/** `remaining` leaves room for every other hold, but not for this one. */
export type Reservation = Hold & { readonly remaining: Remaining };

/** `degraded`: Redis or Postgres was away, so that holds or the latest spend were not looked at. */
export type ReserveDecision =
  | { readonly allowed: true; readonly degraded: boolean; readonly reservation: Reservation }
  | { readonly allowed: false; readonly degraded: boolean; readonly denial: Denial };

export type CheckDecision =
  | {
      readonly allowed: true;
      readonly degraded: boolean;
      readonly subject: Subject;
      readonly period: Period;
      readonly remaining: Remaining;
    }
  | { readonly allowed: false; readonly degraded: boolean; readonly denial: Denial };
