/** Finance: an entity's usage, by what the caller asks for. */
import { Controller, Param, Query } from '@nestjs/common';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { Route } from '../http/route.js';
import { EntityUsage } from './entity-usage.js';
import { presentEntityUsage } from './entity-usage.presenter.js';
import * as schemas from './entity-usage.schema.js';
import { filtersOf } from './usage-filters.schema.js';

@Controller()
export class EntityUsageController {
  constructor(private readonly usage: EntityUsage) {}

  @Route('GET /v1/entities/:entity/usage', {
    scope: 'entity',
    role: 'finance',
    lags: true,
    summary:
      'Usage by up to two groups, in whole hours; by default of the current month by project and model',
    answers: schemas.EntityUsage,
  })
  async read(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.GroupedUsageQuery }) query: schemas.GroupedUsageQuery,
  ) {
    const asked = {
      entity,
      start: query.start_time ?? null,
      end: query.end_time ?? null,
      width: query.bucket_width ?? null,
      groupBy: query.group_by ?? (['project', 'model'] as const),
      meters: query.meter ?? null,
      filters: filtersOf(query),
    };
    return presentEntityUsage(asked, await this.usage.read(asked));
  }
}
