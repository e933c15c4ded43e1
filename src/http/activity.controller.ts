/** Finance: the entities that a key may look at, and what one of them did, day by day. The dashboard is made of these. */
import { Controller, Param, Query } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { LimitsService } from '../quota/limits.service.js';
import { Activities } from '../reports/activity.service.js';
import { DEFAULT_PLAN } from '../store/accounts.js';
import { presentActivity } from './presenters/activity.js';
import { presentPage } from './presenters/list.js';
import { Caller, type Principal } from './principal.js';
import { Route } from './route.js';
import { Activity, VisibleEntityList, type VisibleEntity } from './schemas/activity.js';
import { UsageQuery } from './schemas/balances.js';
import { EntityPage, EntityPath } from './schemas/entities.js';

@Controller()
export class ActivityController {
  constructor(
    private readonly limits: LimitsService,
    private readonly activities: Activities,
  ) {}

  @Route('GET /v1/entities', {
    role: 'finance',
    summary: 'List the entities that the key may look at, by name',
    answers: VisibleEntityList,
  })
  async list(@Query({ schema: EntityPage }) page: EntityPage, @Caller() { entity }: Principal) {
    const { limit, after = null } = page;
    const rows = await this.limits.entities({ only: entity, after, limit: limit + 1 });
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
