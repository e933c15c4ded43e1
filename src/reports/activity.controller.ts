/** Finance: the entities that a key may look at, and what one of them did, day by day. The dashboard is made of these. */
import { Controller, Param, Query } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { Entities } from '../accounts/entities.js';
import { Activities } from './activity.js';
import { DEFAULT_PLAN } from '../accounts/default-plan.js';
import { presentActivity } from './activity.presenter.js';
import { presentPage } from '../http/list-page.js';
import { Caller, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import { Activity, VisibleEntityList, type VisibleEntity } from './activity.schema.js';
import { UsageQuery } from './balances.schema.js';
import { EntityPage, EntityPath } from '../accounts/entities.schema.js';

@Controller()
export class ActivityController {
  constructor(
    private readonly entities: Entities,
    private readonly activities: Activities,
  ) {}

  @Route('GET /v1/entities', {
    role: 'finance',
    summary: 'List the entities that the key may look at, by name',
    answers: VisibleEntityList,
  })
  async list(@Query({ schema: EntityPage }) page: EntityPage, @Caller() { entity }: Principal) {
    const { limit, after = null } = page;
    const rows = await this.entities.page({ only: entity, after, limit: limit + 1 });
    const shown: { entity: string; plan: string }[] =
      rows.length === 0 && entity !== null && after === null ? [{ entity, plan: DEFAULT_PLAN }] : rows;
    return presentPage(shown, { limit, idOf: (row) => row.entity, present: presentName });
  }

  @Route('GET /v1/entities/:entity/activity', {
    role: 'finance',
    summary: 'Usage by day, credits and what to know about them; by default of the current month',
    answers: Activity,
  })
  async activity(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: UsageQuery }) query: UsageQuery,
  ) {
    const range = { start: query.start_time ?? null, end: query.end_time ?? null };
    return presentActivity(await this.activities.activity({ entity, ...range }));
  }
}

/** A bound key's entity that nobody has created yet shows with the plan that it will get. */
function presentName({ entity, plan }: { entity: string; plan: string }): VisibleEntity {
  return { object: 'entity_name', entity, plan };
}
