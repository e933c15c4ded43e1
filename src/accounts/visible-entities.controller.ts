/** Finance: the names of the entities that a key may look at. */
import { Controller, Query } from '@nestjs/common';
import { Caller, type Principal } from '../access/principal.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { DEFAULT_PLAN } from './default-plan.js';
import { Entities } from './entities.js';
import { EntityPage } from './entities.schema.js';
import { VisibleEntityList, type VisibleEntity } from './visible-entities.schema.js';

@Controller()
export class VisibleEntitiesController {
  constructor(private readonly entities: Entities) {}

  @Route('GET /v1/entities', {
    scope: 'own',
    role: 'finance',
    summary: 'List the entities that the key may look at, by name',
    answers: VisibleEntityList,
  })
  async list(@Query({ schema: EntityPage }) page: EntityPage, @Caller() { entity }: Principal) {
    const { limit, after = null } = page;
    const rows = await this.entities.page({ only: entity, after, limit: limit + 1 });
    // A key may be bound to an entity that nobody has created yet: it shows with the plan that it will get.
    const shown: { entity: string; plan: string }[] =
      rows.length === 0 && entity !== null && after === null ? [{ entity, plan: DEFAULT_PLAN }] : rows;
    return presentPage(shown, { limit, idOf: (row) => row.entity, present: presentName });
  }
}

function presentName({ entity, plan }: { entity: string; plan: string }): VisibleEntity {
  return { object: 'entity_name', entity, plan };
}
