/** Spend limits in the form of OpenAI's API. */
import { centsBelow } from '../domain/money.js';
import type { LimitScope, SpendLimit as SpendLimitOf } from './spend-limits.js';
import type { DeletedSpendLimit, SpendLimit } from './spend-limits.schema.js';

export function presentSpendLimit({ project }: LimitScope, limit: SpendLimitOf): SpendLimit {
  return {
    object: project === null ? 'organization.spend_limit' : 'project.spend_limit',
    threshold_amount: centsBelow(limit.thresholdPicos),
    currency: 'USD',
    interval: 'month',
    enforcement: { status: limit.isReached ? 'enforcing' : 'inactive' },
  };
}

export function presentDeletedSpendLimit({ project }: LimitScope): DeletedSpendLimit {
  return {
    object: project === null ? 'organization.spend_limit.deleted' : 'project.spend_limit.deleted',
    deleted: true,
  };
}
