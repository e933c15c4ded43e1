/** Finance: projects in the form of OpenAI's API. A project is its name; none is ever archived. */
import { Controller, Param, Query } from '@nestjs/common';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { unixSeconds } from '../domain/unix-time.js';
import { presentPage, unknownCursor } from '../http/list-page.js';
import { Route } from '../http/route.js';
import * as schemas from './organization-projects.schema.js';
import { Projects, type ProjectRow } from './projects.js';

@Controller()
export class OrganizationProjectsController {
  constructor(private readonly projects: Projects) {}

  @Route('GET /v1/organization/projects', {
    role: 'finance',
    scope: 'own',
    summary: "List the organization's projects, by name",
    answers: schemas.OrganizationProjectList,
    headers: ORGANIZATION_HEADERS,
  })
  async list(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.ProjectsQuery }) query: schemas.ProjectsQuery,
  ) {
    const { order, limit, after = null } = query;
    const rows = await this.projects.page({ entity, order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.project, present: presentOrganizationProject });
  }

  @Route('GET /v1/organization/projects/:project', {
    role: 'finance',
    scope: 'own',
    summary: 'Get a project',
    answers: schemas.OrganizationProject,
    headers: ORGANIZATION_HEADERS,
  })
  async get(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.ProjectPath }) { project }: { project: ProjectName },
  ) {
    return presentOrganizationProject(await this.projects.find({ entity, project }));
  }

  @Route('GET /v1/organization/projects/:project/rate_limits', {
    role: 'finance',
    scope: 'own',
    summary: "List a project's rate limits by model: always empty, Tally limits spend and requests in flight",
    answers: schemas.RateLimitList,
    headers: ORGANIZATION_HEADERS,
  })
  async rateLimits(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.ProjectPath }) { project }: { project: ProjectName },
    @Query({ schema: schemas.RateLimitsQuery }) { after, before }: schemas.RateLimitsQuery,
  ): Promise<schemas.RateLimitList> {
    await this.projects.find({ entity, project });
    if (before !== undefined) throw unknownCursor('before');
    if (after !== undefined) throw unknownCursor();
    return { object: 'list', data: [], first_id: null, last_id: null, has_more: false };
  }
}

function presentOrganizationProject({ project, createdAt }: ProjectRow): schemas.OrganizationProject {
  return {
    object: 'organization.project',
    id: project,
    name: project,
    status: 'active',
    created_at: unixSeconds(createdAt),
    archived_at: null,
  };
}
