/** Finance: the entities that a key may look at, as one list that can be sorted, searched and filtered. */
import { Controller, Param, Query } from '@nestjs/common';
import { requireKnown } from '../access/known-entities.js';
import { Caller, type Principal } from '../access/principal.js';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import { presentTotals, presentVisible } from './visible-entities.presenter.js';
import { VisibleEntitiesQuery, VisibleEntity, VisibleEntityList } from './visible-entities.schema.js';
import type { VisibleRow } from './visible-entities.sql.js';
import { VisibleEntities, type VisiblePage } from './visible-entities.js';

const EVERY = {
  search: null,
  plan: null,
  state: null,
  period: null,
  sort: 'entity',
  isDescending: false,
} as const;

@Controller()
export class VisibleEntitiesController {
  constructor(
    private readonly visible: VisibleEntities,
    private readonly reports: LaggingReports,
  ) {}

  @Route('GET /v1/entities', {
    scope: 'own',
    role: 'finance',
    lags: true,
    summary:
      'List the entities that the key may look at, with what a month cost each and what they have left; by default by name',
    answers: VisibleEntityList,
  })
  async list(
    @Query({ schema: VisibleEntitiesQuery }) query: VisibleEntitiesQuery,
    @Caller() { entity }: Principal,
  ) {
    const { limit, after = null, search = null, plan = null, state = null, period = null, sort } = query;
    const order = {
      only: entity,
      search,
      plan,
      state,
      period,
      sort: sort?.by ?? 'entity',
      isDescending: sort?.isDescending ?? false,
    } as const;
    const found = await this.visible.page(order, { after, limit: limit + 1 });
    const listed = presentPage(found.rows, {
      limit,
      idOf: (row) => row.entity,
      present: (row) => presentedIn(found, row),
    });
    return { ...listed, totals: presentTotals(found.totals) };
  }

  @Route('GET /v1/entities/:entity', {
    scope: 'entity',
    role: 'finance',
    lags: true,
    summary: 'An entity as the list shows it in the current month',
    answers: VisibleEntity,
  })
  async get(@Param({ schema: EntityPath }) { entity }: { entity: EntityName }) {
    await this.reports.read((tx) => requireKnown(tx, entity));
    const found = await this.visible.page({ ...EVERY, only: entity }, { after: null, limit: 1 });
    return presentedIn(found, found.rows[0]!);
  }
}

function presentedIn(found: VisiblePage, row: VisibleRow): VisibleEntity {
  return presentVisible(row, {
    period: found.period,
    at: found.at,
    load: found.loads?.get(row.entity) ?? null,
    forecastPicos: found.forecasts.get(row.entity)?.forecastPicos ?? null,
  });
}
