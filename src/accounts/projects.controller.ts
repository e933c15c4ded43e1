/** Admins: projects, and their limits within those of their entity. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { presentPage } from '../http/list-page.js';
import { Conditional, IF_MATCH, IF_NONE_MATCH, type Precondition } from '../http/preconditions.js';
import { Route } from '../http/route.js';
import type { Tx } from '../platform/database.js';
import { DryRun } from '../http/dry-run.schema.js';
import { EntityPage, EntityPath } from './entities.schema.js';
import { Projects, type ProjectRow } from './projects.js';
import { presentProject } from './projects.presenter.js';
import * as schemas from './projects.schema.js';

type ProjectPath = { entity: EntityName; project: ProjectName };

@Controller()
export class ProjectsController {
  constructor(
    private readonly projects: Projects,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/admin/entities/:entity/projects', {
    scope: 'entity',
    role: 'admin',
    summary: "List an entity's projects, by name",
    answers: schemas.ProjectList,
  })
  async list(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: EntityPage }) query: EntityPage,
  ) {
    const { order, limit, after = null } = query;
    const rows = await this.projects.page({ entity, order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.project, present: presentProject });
  }

  @Route('PUT /v1/admin/entities/:entity/projects/:project', {
    scope: 'entity',
    role: 'admin',
    summary: 'Create a project before its first request, or change its limits',
    answers: schemas.Project,
    idempotent: true,
    headers: [IF_MATCH, IF_NONE_MATCH],
    tagged: true,
  })
  async put(
    @Param({ schema: schemas.ProjectPath }) path: ProjectPath,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Body({ schema: schemas.ProjectLimitsPatch }) body: schemas.ProjectLimitsPatch,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    const order = { ...path, change: changeOf(body), ...byWhom(call, precondition) };
    const change = (tx: Tx) => this.projects.put(tx, order);
    return precondition.tagged(await this.made(change, { path, call, dryRun }));
  }

  @Route('GET /v1/admin/entities/:entity/projects/:project/limits', {
    scope: 'entity',
    role: 'admin',
    summary: 'Get the limits of a project',
    answers: schemas.Project,
    tagged: true,
  })
  async get(
    @Param({ schema: schemas.ProjectPath }) path: ProjectPath,
    @Conditional() precondition: Precondition,
  ) {
    return precondition.tagged(presentProject(await this.projects.find(path)));
  }

  @Route('PATCH /v1/admin/entities/:entity/projects/:project/limits', {
    scope: 'entity',
    role: 'admin',
    summary: 'Change the limits of a project',
    answers: schemas.Project,
    idempotent: true,
    headers: [IF_MATCH],
    tagged: true,
  })
  async changeLimits(
    @Param({ schema: schemas.ProjectPath }) path: ProjectPath,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Body({ schema: schemas.ProjectLimitsPatch }) body: schemas.ProjectLimitsPatch,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    const order = { ...path, change: changeOf(body), ...byWhom(call, precondition) };
    const change = (tx: Tx) => this.projects.changeLimits(tx, order);
    return precondition.tagged(await this.made(change, { path, call, dryRun }));
  }

  private made(
    change: (tx: Tx) => Promise<ProjectRow>,
    { path, call, dryRun }: { path: ProjectPath; call: ChangeCall; dryRun: boolean },
  ) {
    return this.changes.make(call, [path], async (tx) => presentProject(await change(tx)), { dryRun });
  }
}

function changeOf(body: schemas.ProjectLimitsPatch) {
  return { monthlyCapPicos: body.monthly_cap_usd, maxConcurrentRequests: body.max_concurrent_requests };
}

function byWhom({ principal }: ChangeCall, precondition: Precondition) {
  const expected = (before: ProjectRow | null) =>
    precondition.check(before === null ? null : presentProject(before));
  return { actor: principal.keyId, expected };
}
