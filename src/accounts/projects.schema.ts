/** A project's limits in requests and answers. */
import { z } from 'zod';
import { entityName, projectName } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { limitFields, ownLimitChanges, ProjectLimitSources, spendLimitField } from './limits.schema.js';

export const ProjectPath = z.object({ entity: entityName, project: projectName });

export const ProjectLimitsPatch = z
  .strictObject({
    monthly_cap_usd: ownLimitChanges.monthly_cap_usd,
    max_concurrent_requests: ownLimitChanges.max_concurrent_requests,
  })
  .meta({
    id: 'ProjectLimitsPatch',
    description:
      'Omitted fields stay unchanged; null and "inherit" lift the limit: plans do not limit projects.',
    example: { monthly_cap_usd: '100', max_concurrent_requests: 20 },
  });
export type ProjectLimitsPatch = z.output<typeof ProjectLimitsPatch>;

export const Project = z
  .object({
    object: z.literal('project'),
    entity: z.string(),
    project: z.string(),
    monthly_cap_usd: limitFields.monthly_cap_usd,
    max_concurrent_requests: limitFields.max_concurrent_requests,
    limits: ProjectLimitSources,
    spend_limit_usd: spendLimitField,
    created_at: z.int(),
  })
  .meta({
    id: 'Project',
    example: {
      object: 'project',
      entity: 'entity1',
      project: 'project1',
      monthly_cap_usd: '500',
      max_concurrent_requests: 20,
      limits: {
        monthly_cap_usd: { value: '500', source: 'own', is_limited: true },
        max_concurrent_requests: { value: 20, source: 'own', is_limited: true },
      },
      spend_limit_usd: null,
      created_at: 1764547200,
    },
  });
export type Project = z.output<typeof Project>;

export const ProjectList = listOf(Project).meta({ id: 'ProjectList' });
