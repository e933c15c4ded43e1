/** Admins: limits of a project, within those of its entity. */
import { Body, Controller, Param } from '@nestjs/common';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { Route } from '../http/route.js';
import { Projects } from './projects.js';
import { presentProject } from './projects.presenter.js';
import * as schemas from './projects.schema.js';

@Controller()
export class ProjectsController {
  constructor(
    private readonly projects: Projects,
    private readonly changes: Changes,
  ) {}

  @Route('PATCH /v1/admin/entities/:entity/projects/:project/limits', {
    role: 'admin',
    summary: 'Change the limits of a project',
    answers: schemas.Project,
    idempotent: true,
  })
  async changeLimits(
    @Param({ schema: schemas.ProjectPath })
    { entity, project }: { entity: EntityName; project: ProjectName },
    @Body({ schema: schemas.ProjectLimitsPatch }) body: schemas.ProjectLimitsPatch,
    @Call() call: ChangeCall,
  ) {
    const change = {
      monthlyCapPicos: body.monthly_cap_usd,
      maxConcurrentRequests: body.max_concurrent_requests,
    };
    const order = { entity, project, change, actor: call.principal.keyId };
    return this.changes.make(call, [{ entity, project }], async (tx) =>
      presentProject(await this.projects.changeLimits(tx, order)),
    );
  }
}
