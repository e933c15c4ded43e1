/** Projects as JSON. */
import { formatUsdOrNull } from '../domain/money.js';
import { unixSeconds } from '../domain/unix-time.js';
import { presentProjectLimits, presentProjectSources } from './limits.presenter.js';
import type { ProjectRow } from './projects.js';
import type { Project } from './projects.schema.js';

export function presentProject(row: ProjectRow): Project {
  return {
    object: 'project',
    entity: row.entity,
    project: row.project,
    ...presentProjectLimits(row),
    limits: presentProjectSources(row),
    spend_limit_usd: formatUsdOrNull(row.spendLimitPicos),
    created_at: unixSeconds(row.createdAt),
  };
}
