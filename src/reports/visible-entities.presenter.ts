/** The list of entities as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { formatUsdOrNull } from '../domain/money.js';
import { periodOf, type Period } from '../domain/period.js';
import { unixSecondsOrNull } from '../domain/unix-time.js';
import type { EntityLoad } from '../quota/entity-loads.js';
import { creditsUntil } from './credits-until.js';
import type { VisibleEntity, VisibleTotals } from './visible-entities.schema.js';
import {
  VISIBLE_STATES,
  type VisibleRow,
  type VisibleTotals as VisibleTotalsOf,
} from './visible-entities.sql.js';

export function presentVisible(
  row: VisibleRow,
  of: { period: Period; at: Date; load: EntityLoad | null; forecastPicos: bigint | null },
): VisibleEntity {
  const { monthPicos, sameDaysPicos, monthlyCapPicos, creditsPicos, pacePicos } = row;
  const { period, at, load } = of;
  const denied = load === null ? null : deniedBy(load);
  return {
    object: 'entity_name',
    entity: row.entity,
    plan: row.plan,
    state: row.state,
    period,
    month_to_date_usd: formatUsd(monthPicos),
    previous_month_usd: formatUsd(row.previousPicos),
    previous_same_days_usd: formatUsd(sameDaysPicos),
    change_usd: formatUsd(monthPicos - sameDaysPicos),
    monthly_cap_usd: formatUsdOrNull(monthlyCapPicos),
    monthly_cap_share: shareOf(monthPicos, monthlyCapPicos),
    yearly_cap_usd: formatUsdOrNull(row.yearlyCapPicos),
    overage: row.overage,
    quota_mode: row.quotaMode,
    credits_usd: formatUsd(creditsPicos),
    credits_until: unixSecondsOrNull(hasRunOut(row) ? at : creditsUntil({ at, creditsPicos, pacePicos })),
    credits_expire_at: unixSecondsOrNull(row.expiresAt),
    held_usd: formatUsdOrNull(load?.heldPicos ?? null),
    denied_requests: denied?.reduce((sum, each) => sum + each.denied, 0) ?? null,
    denied_by_limit: denied,
    forecast_usd: period === periodOf(at) ? formatUsdOrNull(of.forecastPicos) : null,
  };
}

/** Whether its next request is refused for lack of credits, and there was something to refuse of late: many sign up and never spend. */
function hasRunOut({ state, quotaMode, pacePicos }: VisibleRow): boolean {
  return state === 'out_of_credits' && quotaMode === 'enforce' && pacePicos > 0n;
}

export function presentTotals(totals: VisibleTotalsOf): VisibleTotals {
  const states = VISIBLE_STATES.map((state) => [state, totals.counts[state] ?? 0]);
  return {
    entities: totals.entityCount,
    month_to_date_usd: formatUsd(totals.monthPicos),
    previous_month_usd: formatUsd(totals.previousPicos),
    credits_usd: formatUsd(totals.creditsPicos),
    states: Object.fromEntries(states) as VisibleTotals['states'],
  };
}

function deniedBy({ denied }: EntityLoad): { limit: string; denied: number }[] {
  return [...denied]
    .map(([limit, count]) => ({ limit, denied: count }))
    .sort((a, b) => b.denied - a.denied || (a.limit < b.limit ? -1 : 1));
}

/** Four decimals, rounded down. */
function shareOf(part: bigint, whole: bigint | null): string | null {
  if (whole === null || whole === 0n) return null;
  const digits = ((part * 10_000n) / whole).toString().padStart(5, '0');
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`;
}
