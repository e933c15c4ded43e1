/** Projects in the form of OpenAI's API. */
import { z } from 'zod';
import { afterText, nameOrder, pageLimit, projectName, queryFlag } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

export const ProjectPath = z.object({ project: projectName });

export const ProjectsQuery = z.strictObject({
  limit: pageLimit,
  after: afterText,
  order: nameOrder,
  include_archived: queryFlag.describe('No project is ever archived'),
});
export type ProjectsQuery = z.output<typeof ProjectsQuery>;

export const RateLimitsQuery = z.strictObject({
  limit: pageLimit,
  after: afterText,
  before: afterText,
  order: nameOrder,
});
export type RateLimitsQuery = z.output<typeof RateLimitsQuery>;

export const OrganizationProject = z
  .object({
    object: z.literal('organization.project'),
    id: z.string(),
    name: z.string(),
    status: z.literal('active'),
    created_at: z.int(),
    archived_at: z.null(),
  })
  .meta({ id: 'OrganizationProject' });
export type OrganizationProject = z.output<typeof OrganizationProject>;

export const OrganizationProjectList = listOf(OrganizationProject).meta({ id: 'OrganizationProjectList' });

export const RateLimitList = listOf(
  z
    .object({
      object: z.literal('project.rate_limit'),
      id: z.string(),
      model: z.string(),
      max_requests_per_1_minute: z.int(),
      max_tokens_per_1_minute: z.int(),
    })
    .meta({ id: 'RateLimit' }),
).meta({ id: 'RateLimitList' });
export type RateLimitList = z.output<typeof RateLimitList>;
