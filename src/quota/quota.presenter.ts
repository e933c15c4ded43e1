/** Quota decisions as JSON, and denials as the errors that a gateway passes on unchanged. */
import { formatUsd, picosFromNanos } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { formatSubject } from '../domain/ids.js';
import { formatUsdOrNull } from '../domain/money.js';
import {
  CONCURRENCY_MESSAGE,
  QUOTA_EXCEEDED_MESSAGE,
  ROOM_HELD_MESSAGE,
  type Denial,
} from '../domain/quota-denial.js';
import type { QuotaMode, Remaining } from '../domain/quota-limits.js';
import { unixSeconds } from '../domain/unix-time.js';
import type { Admitted, Checked, Denied, DeniedDecision as DeniedOf, ReserveDecision } from './decision.js';
import type { Decision, DeniedDecision, Hold, Reservation } from './quota.schema.js';
import type { Hold as HoldOf } from './reservation.js';

/**
 * Every field is written out, because V8 makes a new hidden class, which only a full collection frees, for each object that is
 * spread from others. A field with its usual value is undefined, which JSON leaves out, so the usual answer is short.
 */
export function presentReservation(decision: ReserveDecision & { allowed: true }): Reservation {
  const { reservation } = decision;
  const { id, subject, model, period, holdPicos, expiresMs, basis, remaining } = reservation;
  return {
    object: 'quota.reservation',
    id,
    project: formatSubject(subject),
    model,
    fallbacks: fallbacksOf(reservation),
    service_tier: reservation.serviceTier ?? undefined,
    region: reservation.region ?? undefined,
    period,
    hold_usd: formatUsd(holdPicos),
    expires_at: unixSeconds(new Date(expiresMs)),
    hold_basis: basis,
    remaining: presentRemaining(remaining),
    mode: modeIfUnusual(decision),
    shadow_denial: presentShadow(decision),
    degraded: decision.degraded || undefined,
  };
}

function modeIfUnusual({ mode }: Admitted): QuotaMode | undefined {
  return mode === 'enforce' ? undefined : mode;
}

function presentShadow({ shadow }: Admitted): Reservation['shadow_denial'] {
  if (shadow === null) return undefined;
  const { limit, scope, retryable } = shadow.denial;
  return { limit, scope, retryable, decision_id: shadow.decisionId };
}

export function presentHold(hold: HoldOf): Hold {
  return {
    object: 'quota.reservation',
    id: hold.id,
    project: formatSubject(hold.subject),
    model: hold.model,
    fallbacks: fallbacksOf(hold),
    service_tier: hold.serviceTier ?? undefined,
    region: hold.region ?? undefined,
    period: hold.period,
    hold_usd: formatUsd(hold.holdPicos),
    expires_at: unixSeconds(new Date(hold.expiresMs)),
  };
}

function fallbacksOf({ fallbacks }: HoldOf): string[] | undefined {
  return fallbacks.length === 0 ? undefined : [...fallbacks];
}

export function presentDecision(decision: Checked): Decision {
  return {
    object: 'quota.decision',
    allowed: true,
    project: formatSubject(decision.subject),
    period: decision.period,
    remaining: presentRemaining(decision.remaining),
    mode: modeIfUnusual(decision),
    shadow_denial: presentShadow(decision),
    degraded: decision.degraded || undefined,
  };
}

/** OpenAI's rate limit error where waiting helps, and its quota error where it does not. */
export function denialError({ denial, decisionId }: Denied): TallyError {
  const details = { ...detailsOf(denial), decision_id: decisionId };
  if (!denial.retryable) return new TallyError('insufficient_quota', QUOTA_EXCEEDED_MESSAGE, { details });
  const message = denial.limit === 'concurrency' ? CONCURRENCY_MESSAGE : ROOM_HELD_MESSAGE;
  return new TallyError('rate_limit_exceeded', message, { details });
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
          set_by: denial.setBy,
        };
  return { limit, scope, ...amounts, resets_at: resetsAt, ...heldTimesOf(denial) };
}

/** Only where waiting helps and it is known for how long. */
function heldTimesOf({ nextHold }: Denial): Record<string, number> {
  if (nextHold === null || nextHold === undefined) return {};
  const { sinceMs, expiresMs } = nextHold;
  const held_until = unixSeconds(new Date(expiresMs));
  return sinceMs === null ? { held_until } : { held_since: unixSeconds(new Date(sinceMs)), held_until };
}

/** What the decision was based on, in figures that a person can add up: booked + held + asked > limit. */
export function presentDenied({ id, at, asked, question, denial, degraded }: DeniedOf): DeniedDecision {
  const { entity, project, holds, version } = question;
  return {
    object: 'quota.denial',
    id,
    created_at: unixSeconds(at),
    project: formatSubject(asked.subject),
    limit: denial.limit,
    scope: denial.scope,
    retryable: denial.retryable,
    resets_at: denial.resetsAt,
    degraded,
    mode: entity.mode,
    asked: {
      kind: asked.kind,
      model: asked.model,
      input_tokens: asked.inputTokens,
      max_output_tokens: asked.maxOutputTokens,
      service_tier: asked.serviceTier ?? null,
      region: asked.region ?? null,
      request_id: asked.requestId,
      hold_usd: formatUsdOrNull(asked.holdPicos),
    },
    booked: {
      project_month_usd: formatUsdOrNull(project.monthCostPicos),
      entity_month_usd: formatUsd(entity.monthCostPicos),
      entity_year_usd: formatUsd(entity.yearCostPicos),
    },
    held: {
      project_usd: formatUsd(picosFromNanos(holds.project.nanos)),
      project_requests: holds.project.count,
      entity_usd: formatUsd(picosFromNanos(holds.entity.nanos)),
      entity_requests: holds.entity.count,
      next_to_end: presentNextHold(denial),
    },
    limits: {
      project_monthly_cap_usd: formatUsdOrNull(project.monthlyCapPicos),
      entity_monthly_cap_usd: formatUsdOrNull(entity.monthlyCapPicos),
      entity_yearly_cap_usd: formatUsdOrNull(entity.yearlyCapPicos),
      credits_usd: entity.overage === 'allowed' ? null : formatUsd(entity.creditsPicos),
      project_requests: project.maxConcurrentRequests,
      entity_requests: entity.maxConcurrentRequests,
    },
    state: { version: String(version), period: entity.period, as_of: unixSeconds(question.at) },
  };
}

function presentNextHold({ nextHold }: Denial): DeniedDecision['held']['next_to_end'] {
  if (nextHold === null || nextHold === undefined) return null;
  const { id, sinceMs, expiresMs } = nextHold;
  return {
    id,
    created_at: sinceMs === null ? null : unixSeconds(new Date(sinceMs)),
    expires_at: unixSeconds(new Date(expiresMs)),
  };
}

function presentRemaining(remaining: Remaining): Reservation['remaining'] {
  return {
    credits_usd: formatUsdOrNull(remaining.creditsPicos),
    project_cap_usd: formatUsdOrNull(remaining.projectCapPicos),
    entity_cap_usd: formatUsdOrNull(remaining.entityCapPicos),
  };
}
