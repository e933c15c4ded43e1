/** Spend limits in the form of OpenAI's API. */
import { formatUsd } from '@tally/client/protocol';
import { centsBelow } from '../domain/money.js';
import type { LimitScope, SpendLimit as SpendLimitOf } from './spend-limits.js';
import type { DeletedSpendLimit, SpendLimit } from './spend-limits.schema.js';

export function presentSpendLimit({ project }: Pick<LimitScope, 'project'>, limit: SpendLimitOf): SpendLimit {
  return {
    object: project === null ? 'organization.spend_limit' : 'project.spend_limit',
    threshold_amount: centsBelow(limit.thresholdPicos),
    threshold_usd: formatUsd(limit.thresholdPicos),
    currency: 'USD',
    interval: 'month',
    source: limit.source,
    enforcement: { status: limit.isReached ? 'enforcing' : 'inactive' },
  };
}

/** What an ETag stands for: not the month's spend, which changes by itself. */
export function settingOf({ thresholdPicos, source }: SpendLimitOf): object {
  return { threshold_usd: formatUsd(thresholdPicos), source };
}

export function presentDeletedSpendLimit({ project }: Pick<LimitScope, 'project'>): DeletedSpendLimit {
  return {
    object: project === null ? 'organization.spend_limit.deleted' : 'project.spend_limit.deleted',
    deleted: true,
  };
}
