/** Finance: an entity's usage by project and model. */
import { Controller, Param, Query } from '@nestjs/common';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { Route } from '../http/route.js';
import { EntityUsage } from './entity-usage.js';
import { presentEntityUsage } from './entity-usage.presenter.js';
import * as schemas from './entity-usage.schema.js';

@Controller()
export class EntityUsageController {
  constructor(private readonly usage: EntityUsage) {}

  @Route('GET /v1/entities/:entity/usage', {
    scope: 'entity',
    role: 'finance',
    summary: 'Usage by project and model, in whole hours; by default of the current month',
    answers: schemas.EntityUsage,
  })
  async read(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.UsageQuery }) query: schemas.UsageQuery,
  ) {
    const usage = await this.usage.read({
      entity,
      start: query.start_time ?? null,
      end: query.end_time ?? null,
    });
    return presentEntityUsage({ entity, ...usage });
  }
}
