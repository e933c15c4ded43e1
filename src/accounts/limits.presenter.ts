/** Limits as JSON: in answers and in the audit log. */
import { formatUsdOrNull } from '../domain/money.js';
import type { LimitName, Limits, ProjectLimits } from './limits.js';

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
