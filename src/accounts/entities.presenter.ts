/** Entities as JSON. */
import { unixSeconds } from '../domain/unix-time.js';
import type { EntityRow } from './entities.js';
import type { Entity } from './entities.schema.js';
import { FIELD_OF_LIMIT, presentLimits } from './limits.presenter.js';

export function presentEntity(row: EntityRow): Entity {
  return {
    object: 'entity',
    entity: row.entity,
    plan: row.plan,
    ...presentLimits(row),
    quota_mode: row.quotaMode,
    own_limits: row.ownLimits.map((name) => FIELD_OF_LIMIT[name]),
    created_at: unixSeconds(row.createdAt),
  };
}
