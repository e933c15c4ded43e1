/** Long work, watched until it ends: its progress, and its result. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { reading, type Schemas } from '../api/client.js';
import { Problem } from './problem.js';

type Job = Schemas['Job'];

const LOOK_MS = 1_000;

/** The outcome of a call: its answer in a sentence, or a job with its progress. */
export function outcomeOf<T extends object>(
  answer: T | Job,
  sentenceOf: (result: T) => ReactNode,
): ReactNode {
  if (!isAJob(answer)) return sentenceOf(answer);
  return <JobWatch id={answer.id} sentenceOf={(result) => sentenceOf(result as T)} />;
}

export function isAJob(answer: object): answer is Job {
  return (answer as { object?: unknown }).object === 'job';
}

function JobWatch({ id, sentenceOf }: { id: string; sentenceOf: (result: unknown) => ReactNode }) {
  const { data: job, error } = useQuery({
    ...reading('/v1/admin/jobs/{id}', { params: { path: { id } } }),
    refetchInterval: ({ state }) => (hasEnded(state.data?.status) ? false : LOOK_MS),
  });
  if (job === undefined) return error === null ? <Progress of={0} /> : <Problem error={error} />;
  if (job.status === 'done') return <>{sentenceOf(job.result)}</>;
  if (job.status === 'failed') return <Problem error={new Error(job.error?.message ?? 'The job failed.')} />;
  return (
    <>
      <Progress of={job.progress} />
      <span className="quiet">
        It goes on when you close this:{' '}
        <Link to="/operations/jobs" search={{ id }}>
          {id}
        </Link>
      </span>
    </>
  );
}

export function hasEnded(status: Job['status'] | undefined): boolean {
  return status === 'done' || status === 'failed';
}

export function Progress({ of, label = 'Progress' }: { of: number; label?: string }) {
  const percent = Math.floor(of * 100);
  return (
    <span className="progress">
      <progress max={100} value={percent} aria-label={label} />
      <span className="number">{percent}%</span>
    </span>
  );
}
