/** Finance: usage in OpenAI's shapes, so that its clients and dashboards work unchanged. */
import { Controller, Query } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { BucketedReports, type UsageQuery } from './bucketed-reports.js';
import type { UsageGroup } from './organization-usage.sql.js';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import { presentCompletions, presentEmbeddings } from './organization-usage.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './organization-usage.schema.js';

@Controller()
export class OrganizationUsageController {
  constructor(private readonly reports: BucketedReports) {}

  @Route('GET /v1/organization/usage/completions', {
    scope: 'own',
    role: 'finance',
    lags: true,
    summary: 'Tokens and requests over time, without embeddings',
    answers: schemas.CompletionsPage,
    headers: ORGANIZATION_HEADERS,
  })
  async completions(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.CompletionsQuery }) query: schemas.CompletionsQuery,
  ) {
    const page = await this.reports.usage({
      ...usageQueryOf(entity, query),
      kind: 'completions',
      batch: query.batch ?? null,
    });
    return presentCompletions(page);
  }

  @Route('GET /v1/organization/usage/embeddings', {
    scope: 'own',
    role: 'finance',
    lags: true,
    summary: 'Tokens and requests over time, of embeddings',
    answers: schemas.EmbeddingsPage,
    headers: ORGANIZATION_HEADERS,
  })
  async embeddings(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.EmbeddingsQuery }) query: schemas.EmbeddingsQuery,
  ) {
    const page = await this.reports.usage({
      ...usageQueryOf(entity, query),
      kind: 'embeddings',
      batch: null,
    });
    return presentEmbeddings(page);
  }
}

const GROUPS: Readonly<Record<string, UsageGroup>> = {
  project_id: 'project',
  user_id: 'user',
  api_key_id: 'apiKey',
  model: 'model',
  batch: 'batch',
  service_tier: 'serviceTier',
};

export function usageQueryOf(
  entity: EntityName,
  query: Omit<schemas.CompletionsQuery, 'batch' | 'group_by'> & {
    group_by?: ReadonlySet<string> | undefined;
  },
): Omit<UsageQuery, 'kind' | 'batch'> {
  const width = query.bucket_width;
  return {
    entity,
    width,
    start: query.start_time,
    end: query.end_time ?? null,
    bucketCountMax: query.limit ?? schemas.USAGE_LIMITS[width].usual,
    cursor: query.page ?? null,
    groupBy: new Set([...(query.group_by ?? [])].flatMap((name) => GROUPS[name] ?? [])),
    projects: query.project_ids ?? null,
    users: query.user_ids ?? null,
    apiKeys: query.api_key_ids ?? null,
    models: query.models ?? null,
  };
}
