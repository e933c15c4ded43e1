/** Long work: the service answers with a job, which is asked until it has ended. */
import { setTimeout as delay } from 'node:timers/promises';
import { refusalOf } from '../failures.js';
import type { Progress } from '../shown/progress.js';
import { answerOf, type Api, type Schema } from './client.js';

const POLL_MS_MIN = 200;
const POLL_MS_MAX = 2_000;

export type Job = Schema<'Job'>;

function isJob(answer: unknown): answer is Job {
  return typeof answer === 'object' && answer !== null && (answer as { object?: unknown }).object === 'job';
}

/** What came of the job, or the answer itself where the work was quick. Throws Refusal with the reason where the job failed. */
export async function resultOf<T extends { readonly object: string }>(
  api: Api,
  answer: T | Job,
  progress: Progress,
): Promise<Exclude<T, Job>> {
  if (!isJob(answer)) return answer as Exclude<T, Job>;
  const job = await ended(api, answer, progress);
  if (job.status === 'failed') throw failureOf(job);
  return job.result as Exclude<T, Job>;
}

/** The job once it is done or has failed. */
export async function ended(api: Api, job: Job, progress: Progress): Promise<Job> {
  let current = job;
  try {
    for (let ms = POLL_MS_MIN; !isEnded(current); ms = Math.min(ms * 1.5, POLL_MS_MAX)) {
      progress.show(current.progress, `${current.kind}, ${current.status}`);
      await delay(ms);
      current = await answerOf(api.GET('/v1/admin/jobs/{id}', { params: { path: { id: current.id } } }));
    }
    progress.show(current.progress, `${current.kind}, ${current.status}`);
  } finally {
    progress.end();
  }
  return current;
}

export function isEnded({ status }: Pick<Job, 'status'>): boolean {
  return status === 'done' || status === 'failed';
}

export function failureOf(job: Job): Error {
  const { error } = job;
  const message = error?.message ?? 'the service gave no reason';
  return refusalOf(500, { error: { ...error, message: `${job.kind} ${job.id} failed: ${message}` } }, null);
}
