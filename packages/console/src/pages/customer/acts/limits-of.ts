/** What decides about the next request, read from the answers of the API. */
import type { Schemas } from '../../../api/client.js';
import { picosOrNull } from '../../../parts/money.js';
import type { NextLimits } from '../next-request.js';

export function limitsOf(entity: Schemas['Entity']): NextLimits {
  return {
    mode: entity.quota_mode,
    monthlyCapPicos: lower(picosOrNull(entity.monthly_cap_usd), picosOrNull(entity.spend_limit_usd)),
    yearlyCapPicos: picosOrNull(entity.yearly_cap_usd),
    overage: entity.overage,
    maxConcurrentRequests: entity.max_concurrent_requests,
  };
}

function lower(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
