/** Admins: who pays, on which plan, within which limits. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { LimitsService } from './limits.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { presentEntity, presentProject } from './entities.presenter.js';
import { presentPage } from '../http/list-page.js';
import { Caller, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './entities.schema.js';

type EntityPath = { entity: EntityName };
type ProjectPath = EntityPath & { project: ProjectName };

@Controller()
export class EntitiesController {
  constructor(
    private readonly limits: LimitsService,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/admin/entities', { role: 'admin', summary: 'List entities', answers: schemas.EntityList })
  async list(
    @Query({ schema: schemas.EntityPage }) page: schemas.EntityPage,
    @Caller() { entity }: Principal,
  ) {
    const { limit, after = null } = page;
    const rows = await this.limits.entities({ only: entity, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.entity, present: presentEntity });
  }

  @Route('GET /v1/admin/entities/:entity', {
    role: 'admin',
    summary: 'Get an entity',
    answers: schemas.Entity,
  })
  async get(@Param({ schema: schemas.EntityPath }) { entity }: EntityPath) {
    return presentEntity(await this.limits.entity(entity));
  }

  @Route('PUT /v1/admin/entities/:entity', {
    role: 'admin',
    summary: 'Create an entity, or move it to another plan',
    answers: schemas.Entity,
  })
  async put(
    @Param({ schema: schemas.EntityPath }) { entity }: EntityPath,
    @Body({ schema: schemas.EntityPut }) { plan }: schemas.EntityPut,
    @Call() call: ChangeCall,
  ) {
    return this.changes.make(call, [{ entity, project: null }], async (tx) =>
      presentEntity(await this.limits.putEntity(tx, { entity, plan, actor: call.principal.keyId })),
    );
  }

  @Route('PATCH /v1/admin/entities/:entity/limits', {
    role: 'admin',
    summary: 'Change the limits of an entity',
    answers: schemas.Entity,
    idempotent: true,
  })
  async changeLimits(
    @Param({ schema: schemas.EntityPath }) { entity }: EntityPath,
    @Body({ schema: schemas.LimitsPatch }) body: schemas.LimitsPatch,
    @Call() call: ChangeCall,
  ) {
    const change = { ...limitsOf(body), quotaMode: body.quota_mode };
    return this.changes.make(call, [{ entity, project: null }], async (tx) =>
      presentEntity(await this.limits.changeEntity(tx, { entity, change, actor: call.principal.keyId })),
    );
  }

  @Route('PATCH /v1/admin/entities/:entity/projects/:project/limits', {
    role: 'admin',
    summary: 'Change the limits of a project',
    answers: schemas.Project,
    idempotent: true,
  })
  async changeProjectLimits(
    @Param({ schema: schemas.ProjectPath }) { entity, project }: ProjectPath,
    @Body({ schema: schemas.ProjectLimitsPatch }) body: schemas.ProjectLimitsPatch,
    @Call() call: ChangeCall,
  ) {
    const change = {
      monthlyCapPicos: body.monthly_cap_usd,
      maxConcurrentRequests: body.max_concurrent_requests,
    };
    const actor = call.principal.keyId;
    return this.changes.make(call, [{ entity, project }], async (tx) =>
      presentProject(await this.limits.changeProject(tx, { entity, project, change, actor })),
    );
  }
}

export function limitsOf(body: Omit<schemas.LimitsPatch, 'quota_mode'>) {
  return {
    monthlyCapPicos: body.monthly_cap_usd,
    yearlyCapPicos: body.yearly_cap_usd,
    overage: body.overage,
    maxConcurrentRequests: body.max_concurrent_requests,
  };
}
