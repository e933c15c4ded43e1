/** A project's limits in requests and answers. */
import { z } from 'zod';
import { entityName, projectName } from '../http/fields.js';
import { limitChanges, limitFields } from './limits.schema.js';

export const ProjectPath = z.object({ entity: entityName, project: projectName });

export const ProjectLimitsPatch = z
  .strictObject({
    monthly_cap_usd: limitChanges.monthly_cap_usd,
    max_concurrent_requests: limitChanges.max_concurrent_requests,
  })
  .meta({ id: 'ProjectLimitsPatch', description: 'Omitted fields stay unchanged; null lifts the limit.' });
export type ProjectLimitsPatch = z.output<typeof ProjectLimitsPatch>;

export const Project = z
  .object({
    object: z.literal('project'),
    entity: z.string(),
    project: z.string(),
    monthly_cap_usd: limitFields.monthly_cap_usd,
    max_concurrent_requests: limitFields.max_concurrent_requests,
  })
  .meta({ id: 'Project' });
export type Project = z.output<typeof Project>;
