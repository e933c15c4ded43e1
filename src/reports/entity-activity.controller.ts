/** Finance: what an entity did, day by day. The dashboard is drawn from this. */
import { Controller, Param, Query } from '@nestjs/common';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { Route } from '../http/route.js';
import { EntityActivity } from './entity-activity.js';
import { presentActivity } from './entity-activity.presenter.js';
import { Activity } from './entity-activity.schema.js';
import { UsageQuery } from './entity-usage.schema.js';

@Controller()
export class EntityActivityController {
  constructor(private readonly activity: EntityActivity) {}

  @Route('GET /v1/entities/:entity/activity', {
    scope: 'entity',
    role: 'finance',
    lags: true,
    summary: 'Usage by day, credits, and what to know about both; by default of the current month',
    answers: Activity,
  })
  async read(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: UsageQuery }) query: UsageQuery,
  ) {
    const range = { start: query.start_time ?? null, end: query.end_time ?? null };
    return presentActivity(await this.activity.read({ entity, ...range }));
  }
}
