/** Entities as JSON. */
import { formatUsdOrNull } from '../domain/money.js';
import { unixSeconds } from '../domain/unix-time.js';
import type { EntityRow } from './entities.js';
import type { Entity } from './entities.schema.js';
import { presentLimits, presentSources } from './limits.presenter.js';

export function presentEntity(row: EntityRow): Entity {
  return {
    object: 'entity',
    entity: row.entity,
    plan: row.plan,
    ...presentLimits(row),
    quota_mode: row.quotaMode,
    limits: presentSources(row, row.ownLimits),
    spend_limit_usd: formatUsdOrNull(row.spendLimitPicos),
    created_at: unixSeconds(row.createdAt),
  };
}
