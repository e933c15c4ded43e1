/** Plans as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { presentLimits } from './limits.presenter.js';
import type { PlanRow } from './plans.js';
import type { Plan } from './plans.schema.js';

export function presentPlan(row: PlanRow): Plan {
  return {
    object: 'plan',
    plan: row.name,
    ...presentLimits(row),
    monthly_credit_usd: formatUsd(row.monthlyCreditPicos),
  };
}
