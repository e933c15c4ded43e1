/** Quota decisions as JSON, and denials as the errors that a gateway hands on as they are. */
import { TallyError } from '../../domain/errors.js';
import { formatSubject } from '../../domain/ids.js';
import { formatUsd, formatUsdOrNull } from '../../domain/money.js';
import type { Denial, Remaining } from '../../domain/quota.js';
import type { CheckDecision, Hold as HoldOf, Reservation as ReservationOf } from '../../quota/decision.js';
import type { Decision, Hold, Reservation } from '../schemas/quota.js';

export function presentReservation(reservation: ReservationOf, degraded: boolean): Reservation {
  return {
    ...presentHold(reservation),
    remaining: presentRemaining(reservation.remaining),
    ...(degraded ? { degraded } : {}),
  };
}

export function presentHold(hold: HoldOf): Hold {
  return {
    object: 'quota.reservation',
    id: hold.id,
    project: formatSubject(hold.subject),
    model: hold.model,
    period: hold.period,
    hold_usd: formatUsd(hold.holdPicos),
    expires_at: hold.expiresAt,
  };
}

export function presentDecision(decision: CheckDecision & { allowed: true }): Decision {
  return {
    object: 'quota.decision',
    allowed: true,
    project: formatSubject(decision.subject),
    period: decision.period,
    remaining: presentRemaining(decision.remaining),
    ...(decision.degraded ? { degraded: true } : {}),
  };
}

/** Where waiting helps it is OpenAI's rate limit, and where it does not, the quota. */
export function denialError(denial: Denial): TallyError {
  return denial.retryable
    ? new TallyError('rate_limit_exceeded', 'Concurrency limit reached for requests', {
        details: detailsOf(denial),
      })
    : new TallyError(
        'insufficient_quota',
        'You exceeded your current quota, please check your plan and billing details',
        { details: detailsOf(denial) },
      );
}

function detailsOf(denial: Denial): Record<string, unknown> {
  const { limit, scope, resetsAt } = denial;
  const amounts =
    denial.limit === 'concurrency'
      ? {
          spent_usd: null,
          limit_usd: null,
          held_usd: null,
          requests_in_flight: denial.inFlightCount,
          requests_max: denial.limitCount,
        }
      : {
          spent_usd: formatUsd(denial.spentPicos),
          limit_usd: formatUsd(denial.limitPicos),
          held_usd: formatUsd(denial.heldPicos),
        };
  return { limit, scope, ...amounts, resets_at: resetsAt };
}

function presentRemaining(remaining: Remaining): Reservation['remaining'] {
  return {
    credits_usd: formatUsdOrNull(remaining.creditsPicos),
    project_cap_usd: formatUsdOrNull(remaining.projectCapPicos),
    entity_cap_usd: formatUsdOrNull(remaining.entityCapPicos),
  };
}
