/** Admins: who pays, on which plan, within which limits. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Entities, type EntityRow } from './entities.js';
import { presentEntity } from './entities.presenter.js';
import { presentPage } from '../http/list-page.js';
import { Caller, type Principal } from '../access/principal.js';
import { Conditional, IF_MATCH, IF_NONE_MATCH, type Precondition } from '../http/preconditions.js';
import { Route } from '../http/route.js';
import type { Tx } from '../platform/database.js';
import { DryRun } from '../http/dry-run.schema.js';
import * as schemas from './entities.schema.js';
import { limitsChangeOf } from './limits.schema.js';

type EntityPath = { entity: EntityName };

@Controller()
export class EntitiesController {
  constructor(
    private readonly entities: Entities,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/admin/entities', {
    scope: 'all',
    role: 'admin',
    summary: 'List entities',
    answers: schemas.EntityList,
  })
  async list(
    @Query({ schema: schemas.EntityPage }) page: schemas.EntityPage,
    @Caller() { entity }: Principal,
  ) {
    const { order, limit, after = null } = page;
    const rows = await this.entities.page({ only: entity, order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.entity, present: presentEntity });
  }

  @Route('GET /v1/admin/entities/:entity', {
    scope: 'entity',
    role: 'admin',
    summary: 'Get an entity',
    answers: schemas.Entity,
    tagged: true,
  })
  async get(
    @Param({ schema: schemas.EntityPath }) { entity }: EntityPath,
    @Conditional() precondition: Precondition,
  ) {
    return precondition.tagged(presentEntity(await this.entities.find(entity)));
  }

  @Route('GET /v1/admin/entities/:entity/limits', {
    scope: 'entity',
    role: 'admin',
    summary: 'Get the limits of an entity',
    answers: schemas.Entity,
    tagged: true,
  })
  async getLimits(
    @Param({ schema: schemas.EntityPath }) { entity }: EntityPath,
    @Conditional() precondition: Precondition,
  ) {
    return precondition.tagged(presentEntity(await this.entities.find(entity)));
  }

  @Route('PUT /v1/admin/entities/:entity', {
    scope: 'entity',
    role: 'admin',
    summary: 'Create an entity, or move it to another plan',
    answers: schemas.Entity,
    idempotent: true,
    headers: [IF_MATCH, IF_NONE_MATCH],
    tagged: true,
  })
  async put(
    @Param({ schema: schemas.EntityPath }) { entity }: EntityPath,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Body({ schema: schemas.EntityPut }) { plan }: schemas.EntityPut,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    const order = { entity, plan, ...byWhom(call, precondition) };
    return precondition.tagged(
      await this.changes.make(
        call,
        [{ entity, project: null }],
        async (tx) => presentEntity(await this.entities.put(tx, order)),
        { dryRun },
      ),
    );
  }

  @Route('DELETE /v1/admin/entities/:entity', {
    scope: 'entity',
    role: 'admin',
    summary:
      'Delete an entity without usage, credits, keys or prices, with its projects, limits, alerts and webhooks',
    answers: schemas.DeletedEntity,
    headers: [IF_MATCH],
  })
  async delete(
    @Param({ schema: schemas.EntityPath }) { entity }: EntityPath,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    const remove = async (tx: Tx) => {
      await this.entities.delete(tx, { entity, ...byWhom(call, precondition) });
      return { object: 'entity.deleted' as const, entity, deleted: true as const };
    };
    return this.changes.make(call, [{ removed: entity }], remove, { dryRun });
  }

  @Route('PATCH /v1/admin/entities/:entity/limits', {
    scope: 'entity',
    role: 'admin',
    summary: 'Change the limits of an entity',
    answers: schemas.Entity,
    idempotent: true,
    headers: [IF_MATCH],
    tagged: true,
  })
  async changeLimits(
    @Param({ schema: schemas.EntityPath }) { entity }: EntityPath,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Body({ schema: schemas.LimitsPatch }) body: schemas.LimitsPatch,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    const change = { ...limitsChangeOf(body), quotaMode: body.quota_mode };
    const order = { entity, change, ...byWhom(call, precondition) };
    return precondition.tagged(
      await this.changes.make(
        call,
        [{ entity, project: null }],
        async (tx) => presentEntity(await this.entities.changeLimits(tx, order)),
        { dryRun },
      ),
    );
  }
}

function byWhom({ principal }: ChangeCall, precondition: Precondition) {
  const expected = (before: EntityRow | null) =>
    precondition.check(before === null ? null : presentEntity(before));
  return { actor: principal.keyId, expected };
}
