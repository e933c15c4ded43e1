/** Long work. */
import { z } from 'zod';
import { afterText, pageLimit, pageOrder, text } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

const jobStatus = z.enum(['queued', 'running', 'done', 'failed']).meta({ id: 'JobStatus' });

export const JobPath = z.object({ id: text(256).meta({ example: 'job_3J9dX0aTq7mVwYbR5cKeLs' }) });

export const JobPage = z.strictObject({
  kind: text(64).optional().meta({ description: 'Of one kind', example: 'price_import' }),
  status: jobStatus.optional(),
  order: pageOrder,
  limit: pageLimit,
  after: afterText,
});
export type JobPage = z.output<typeof JobPage>;

export const JobSummary = z
  .object({
    object: z.literal('job'),
    id: z.string().meta({ example: 'job_3J9dX0aTq7mVwYbR5cKeLs' }),
    kind: z.string().meta({ example: 'price_import' }),
    entity: z.string().nullable().describe('Null where it concerns all'),
    status: jobStatus,
    progress: z.number().min(0).max(1).describe('From 0 to 1; starts over where the job is run again'),
    error: z
      .object({ code: z.string(), message: z.string(), param: z.string().nullable() })
      .meta({ id: 'JobError' })
      .nullable()
      .describe('Why it failed'),
    actor: z.string().describe('The id of the key that asked for it, or system'),
    attempts: z.int().describe('How often it was begun'),
    created_at: z.int(),
    started_at: z.int().nullable(),
    finished_at: z.int().nullable(),
  })
  .meta({ id: 'JobSummary' });
export type JobSummary = z.output<typeof JobSummary>;

export const Job = JobSummary.extend({
  result: z
    .unknown()
    .describe(
      'Once it is done, what a request that did not have to wait would have been answered; else null',
    ),
}).meta({ id: 'Job' });
export type Job = z.output<typeof Job>;

export const JobList = listOf(JobSummary).meta({ id: 'JobList' });
