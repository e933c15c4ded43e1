/** Balances and forecasts as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { formatUsdOrNull } from '../domain/money.js';
import type { Balance as BalanceOf } from './balance-reports.js';
import type { Balance, Forecast } from './balances.schema.js';
import { unixSeconds } from '../domain/unix-time.js';

export function presentBalance(balance: BalanceOf): Balance {
  return {
    object: 'balance',
    entity: balance.entity,
    as_of: unixSeconds(balance.at),
    period: balance.period,
    credits_usd: formatUsd(balance.creditsPicos),
    frozen_usd: formatUsd(balance.frozenPicos),
    debt_usd: formatUsd(balance.debtPicos),
    held_usd: formatUsd(balance.heldPicos),
    month_to_date_usd: formatUsd(balance.monthPicos),
    year_to_date_usd: formatUsd(balance.yearPicos),
    overage_usd: formatUsd(balance.monthOveragePicos),
    monthly_cap_usd: formatUsdOrNull(balance.monthlyCapPicos),
    spend_limit_usd: formatUsdOrNull(balance.spendLimitPicos),
    yearly_cap_usd: formatUsdOrNull(balance.yearlyCapPicos),
    projects: balance.projects.map((project) => ({
      project: project.project,
      month_to_date_usd: formatUsd(project.monthPicos),
      monthly_cap_usd: formatUsdOrNull(project.monthlyCapPicos),
      spend_limit_usd: formatUsdOrNull(project.spendLimitPicos),
    })),
    forecast_usd: formatUsdOrNull(balance.forecast?.forecastPicos ?? null),
  };
}

export function presentForecast(balance: BalanceOf): Forecast {
  const { forecast } = balance;
  return {
    object: 'forecast',
    entity: balance.entity,
    as_of: unixSeconds(balance.at),
    period: balance.period,
    month_to_date_usd: formatUsd(balance.monthPicos),
    forecast_usd: formatUsdOrNull(forecast?.forecastPicos ?? null),
    low_usd: formatUsdOrNull(forecast?.lowPicos ?? null),
    high_usd: formatUsdOrNull(forecast?.highPicos ?? null),
    capped: forecast?.capped ?? null,
    reason: forecast === null ? 'not_enough_data' : null,
  };
}
