/** Finance: costs by day in OpenAI's shape. */
import { Controller, Header, Query } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { BucketedReports } from './bucketed-reports.js';
import type { CostGroup } from './organization-costs.sql.js';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import { presentCosts } from './organization-costs.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './organization-costs.schema.js';

const GROUPS: Readonly<Record<string, CostGroup>> = {
  project_id: 'project',
  line_item: 'lineItem',
  api_key_id: 'apiKey',
};

@Controller()
export class OrganizationCostsController {
  constructor(private readonly reports: BucketedReports) {}

  @Route('GET /v1/organization/costs', {
    scope: 'own',
    role: 'finance',
    lags: true,
    summary: 'Costs by the day on which the usage occurred',
    answers: schemas.CostsPage,
    headers: ORGANIZATION_HEADERS,
  })
  @Header('content-type', 'application/json; charset=utf-8')
  async costs(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.CostsQuery }) query: schemas.CostsQuery,
  ): Promise<string> {
    const page = await this.reports.costs({
      entity,
      width: query.bucket_width,
      start: query.start_time,
      end: query.end_time ?? null,
      bucketCountMax: query.limit ?? schemas.COSTS_LIMITS['1d'].usual,
      cursor: query.page ?? null,
      groupBy: new Set([...(query.group_by ?? [])].flatMap((name) => GROUPS[name] ?? [])),
      projects: query.project_ids ?? null,
      apiKeys: query.api_key_ids ?? null,
    });
    return presentCosts(page);
  }
}
