/** What a decision was asked, and what it answers: plain data, which the HTTP layer puts into words. */
import type { Subject } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import type { Denial } from '../domain/quota-denial.js';
import type { Question, QuotaMode, Remaining } from '../domain/quota-limits.js';
import type { Reservation } from './reservation.js';

/** A question with the version and the time of the state that answers it. */
export type VersionedQuestion = Question & { readonly version: bigint; readonly at: Date };

/** What a decision was asked. Only a reservation has tokens and a request id; a null `holdPicos` is an unknown cost. */
export type Asked = {
  readonly kind: 'reservation' | 'check';
  readonly subject: Subject;
  readonly model: string | null;
  readonly inputTokens: number | null;
  readonly maxOutputTokens: number | null;
  /** Missing in records of earlier releases. */
  readonly serviceTier?: string | null;
  readonly region?: string | null;
  readonly requestId: string | null;
  readonly holdPicos: bigint | null;
};

/** Who decided: Redis, Postgres while Redis was unavailable, or this process by QUOTA_FAIL_MODE while both were. */
export type DecisionSource = 'redis' | 'postgres' | 'local';

/** `degraded`: Redis or Postgres was unavailable, so the decision may have missed holds or the latest spend. */
export type Denied = {
  readonly allowed: false;
  readonly degraded: boolean;
  readonly source: DecisionSource;
  readonly decisionId: string;
  /** False where more denials of the entity's minute are kept already than the bound allows. */
  readonly isKept: boolean;
  readonly denial: Denial;
};

/** `shadow` is the denial that `enforce` would have given, in `shadow` mode. */
export type Admitted = {
  readonly allowed: true;
  readonly degraded: boolean;
  readonly source: DecisionSource;
  readonly mode: QuotaMode;
  readonly shadow: Denied | null;
};

/** The record of a denial: everything that it was decided by. */
export type DeniedDecision = {
  readonly id: string;
  readonly at: Date;
  readonly asked: Asked;
  readonly question: VersionedQuestion;
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
