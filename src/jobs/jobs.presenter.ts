/** Jobs as JSON. */
import { unixSeconds } from '../domain/unix-time.js';
import type { EndedJob, JobRow } from './jobs.js';
import type { JobSummary } from './jobs.schema.js';

export function presentJob(job: JobRow): JobSummary {
  const { id, kind, entity, status, progress, error, actor, attempts, createdAt, startedAt, finishedAt } =
    job;
  return {
    object: 'job',
    id,
    kind,
    entity,
    status,
    progress,
    error,
    actor,
    attempts,
    created_at: unixSeconds(createdAt),
    started_at: startedAt === null ? null : unixSeconds(startedAt),
    finished_at: finishedAt === null ? null : unixSeconds(finishedAt),
  };
}

/** As text, for a result may be large and is text already. */
export function presentEnded(job: EndedJob): string {
  return `${JSON.stringify(presentJob(job)).slice(0, -1)},"result":${job.result ?? 'null'}}`;
}
