/** Limits as JSON: in answers and in the audit log. */
import { formatUsdOrNull } from '../domain/money.js';
import type { LimitName, Limits, ProjectLimits } from './limits.js';
import type { LimitSources, ProjectLimitSources } from './limits.schema.js';

export const FIELD_OF_LIMIT = {
  monthlyCapPicos: 'monthly_cap_usd',
  yearlyCapPicos: 'yearly_cap_usd',
  overage: 'overage',
  maxConcurrentRequests: 'max_concurrent_requests',
} as const satisfies Record<LimitName, string>;

export function presentLimits(limits: Limits) {
  return {
    monthly_cap_usd: formatUsdOrNull(limits.monthlyCapPicos),
    yearly_cap_usd: formatUsdOrNull(limits.yearlyCapPicos),
    overage: limits.overage,
    max_concurrent_requests: limits.maxConcurrentRequests,
  };
}

export function presentProjectLimits(limits: ProjectLimits) {
  return {
    monthly_cap_usd: formatUsdOrNull(limits.monthlyCapPicos),
    max_concurrent_requests: limits.maxConcurrentRequests,
  };
}

/** Each limit with whose it is, so that "no limit" of the entity's own differs from "no limit" of its plan. */
export function presentSources(limits: Limits, own: readonly LimitName[]): LimitSources {
  const values = presentLimits(limits);
  const sourceOf = (name: LimitName) => (own.includes(name) ? ('own' as const) : ('plan' as const));
  return {
    monthly_cap_usd: limit(values.monthly_cap_usd, sourceOf('monthlyCapPicos')),
    yearly_cap_usd: limit(values.yearly_cap_usd, sourceOf('yearlyCapPicos')),
    overage: { value: values.overage, source: sourceOf('overage'), is_limited: values.overage === 'blocked' },
    max_concurrent_requests: limit(values.max_concurrent_requests, sourceOf('maxConcurrentRequests')),
  };
}

/** No plan limits a project: a limit is its own, or there is none. */
export function presentProjectSources(limits: ProjectLimits): ProjectLimitSources {
  const values = presentProjectLimits(limits);
  return {
    monthly_cap_usd: limit(values.monthly_cap_usd, ownIfSet(values.monthly_cap_usd)),
    max_concurrent_requests: limit(values.max_concurrent_requests, ownIfSet(values.max_concurrent_requests)),
  };
}

function limit<T, S>(value: T | null, source: S) {
  return { value, source, is_limited: value !== null };
}

function ownIfSet(value: unknown): 'own' | null {
  return value === null ? null : 'own';
}
