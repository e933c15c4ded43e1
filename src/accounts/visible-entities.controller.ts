/** Finance: the entities that a key may look at, as one list that can be sorted and searched. */
import { Controller, Query } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { Caller, type Principal } from '../access/principal.js';
import { formatUsdOrNull } from '../domain/money.js';
import { periodOf, periodStart, type Period } from '../domain/period.js';
import { unixSecondsOrNull } from '../domain/unix-time.js';
import { cursorRow, presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { Clock } from '../platform/clock.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { DEFAULT_PLAN } from './default-plan.js';
import { findOverview, type OverviewRow } from './entity-overview.sql.js';
import { VisibleEntitiesQuery, VisibleEntityList, type VisibleEntity } from './visible-entities.schema.js';

@Controller()
export class VisibleEntitiesController {
  constructor(
    private readonly reports: ReportsDatabase,
    private readonly clock: Clock,
  ) {}

  @Route('GET /v1/entities', {
    scope: 'own',
    role: 'finance',
    summary: 'List the entities that the key may look at, with what a month cost each; by default by name',
    answers: VisibleEntityList,
  })
  async list(
    @Query({ schema: VisibleEntitiesQuery }) query: VisibleEntitiesQuery,
    @Caller() { entity }: Principal,
  ) {
    const { limit, after = null } = query;
    const at = this.clock.now();
    const period = query.period ?? periodOf(at);
    const of = {
      only: entity,
      search: query.search ?? null,
      period,
      previous: periodOf(new Date(periodStart(period).getTime() - 1)),
      at,
      sort: query.sort?.by ?? 'entity',
      isDescending: query.sort?.isDescending ?? false,
      limit: limit + 1,
    } as const;
    const rows = await this.reports.read(async (tx) => {
      await cursorRow(after, async (name) => {
        const [row] = await findOverview(tx, { ...of, after: null, only: entity ?? name, limit: 1 });
        return row?.entity === name ? row : null;
      });
      return findOverview(tx, { ...of, after });
    });
    // A key may be bound to an entity that nobody has created yet: it shows with the plan that it will get.
    const isExpected = rows.length === 0 && entity !== null && after === null && of.search === null;
    const shown = isExpected ? [{ ...NOTHING, entity }] : rows;
    const present = (row: OverviewRow) => presentVisible(row, period);
    return presentPage(shown, { limit, idOf: (row) => row.entity, present });
  }
}

const NOTHING: Omit<OverviewRow, 'entity'> = {
  plan: DEFAULT_PLAN,
  monthPicos: 0n,
  previousPicos: 0n,
  capPicos: null,
  creditsPicos: 0n,
  creditsUntil: null,
};

function presentVisible(row: OverviewRow, period: Period): VisibleEntity {
  const { monthPicos, previousPicos, capPicos } = row;
  return {
    object: 'entity_name',
    entity: row.entity,
    plan: row.plan,
    period,
    month_to_date_usd: formatUsd(monthPicos),
    previous_month_usd: formatUsd(previousPicos),
    change_usd: formatUsd(monthPicos - previousPicos),
    monthly_cap_usd: formatUsdOrNull(capPicos),
    monthly_cap_share: capPicos === null || capPicos === 0n ? null : shareOf(monthPicos, capPicos),
    credits_usd: formatUsd(row.creditsPicos),
    credits_until: unixSecondsOrNull(row.creditsUntil),
  };
}

/** Four decimals, rounded down. */
function shareOf(part: bigint, whole: bigint): string {
  const digits = ((part * 10_000n) / whole).toString().padStart(5, '0');
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`;
}
