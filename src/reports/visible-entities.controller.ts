/** Finance: the entities that a key may look at, as one list that can be sorted, searched and filtered. */
import { Controller, Query } from '@nestjs/common';
import { Caller, type Principal } from '../access/principal.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { presentTotals, presentVisible } from './visible-entities.presenter.js';
import { VisibleEntitiesQuery, VisibleEntityList } from './visible-entities.schema.js';
import { VisibleEntities } from './visible-entities.js';

@Controller()
export class VisibleEntitiesController {
  constructor(private readonly visible: VisibleEntities) {}

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
      present: (row) =>
        presentVisible(row, {
          period: found.period,
          at: found.at,
          load: found.loads?.get(row.entity) ?? null,
          forecastPicos: found.forecasts.get(row.entity)?.forecastPicos ?? null,
        }),
    });
    return { ...listed, totals: presentTotals(found.totals) };
  }
}
