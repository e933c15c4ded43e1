/** Rows of entities, projects and plans as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { formatUsdOrNull } from '../domain/money.js';
import type { EntityRow } from './entities.sql.js';
import type { PlanRow } from './plans.sql.js';
import type { ProjectRow } from './projects.sql.js';
import type { Entity, Plan, Project } from './entities.schema.js';
import { unixSeconds } from '../http/list-page.js';

export function presentEntity(row: EntityRow): Entity {
  const own = {
    monthly_cap_usd: row.own.monthlyCap,
    yearly_cap_usd: row.own.yearlyCap,
    overage: row.own.overage,
    max_concurrent_requests: row.own.maxConcurrentRequests,
  };
  return {
    object: 'entity',
    entity: row.entity,
    plan: row.plan,
    ...limitsOf(row),
    quota_mode: row.quotaMode,
    own_limits: Object.entries(own).flatMap(([name, isOwn]) => (isOwn ? [name] : [])),
    created_at: unixSeconds(row.createdAt),
  };
}

export function presentPlan(row: PlanRow): Plan {
  return {
    object: 'plan',
    plan: row.name,
    ...limitsOf(row),
    monthly_credit_usd: formatUsd(row.monthlyCreditPicos),
  };
}

export function presentProject(row: ProjectRow): Project {
  return {
    object: 'project',
    entity: row.entity,
    project: row.project,
    monthly_cap_usd: formatUsdOrNull(row.monthlyCapPicos),
    max_concurrent_requests: row.maxConcurrentRequests,
  };
}

function limitsOf(row: EntityRow | PlanRow) {
  return {
    monthly_cap_usd: formatUsdOrNull(row.monthlyCapPicos),
    yearly_cap_usd: formatUsdOrNull(row.yearlyCapPicos),
    overage: row.overage,
    max_concurrent_requests: row.maxConcurrentRequests,
  };
}
