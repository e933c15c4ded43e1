/** Jobs as rows. The runner of one says so once a second; a job whose runner is silent is taken from it. */
import type { ErrorCode } from '@tally/client/protocol';
import type { CallerContext } from '../access/caller-context.js';
import { behindRow, byTimeOfCreation, type Order } from '../http/list-order.js';
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';

export type JobStatus = 'queued' | 'running' | 'done' | 'failed';

export type JobError = { readonly code: ErrorCode; readonly message: string; readonly param: string | null };

export type JobRow = {
  readonly id: string;
  readonly kind: string;
  /** Null where it concerns all. */
  readonly entity: string | null;
  readonly status: JobStatus;
  /** From 0 to 1. */
  readonly progress: number;
  readonly error: JobError | null;
  readonly actor: string;
  /** How often it was begun. */
  readonly attempts: number;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
};

/** `result` is JSON. */
export type EndedJob = JobRow & { readonly result: string | null };

export type NewJob = Pick<JobRow, 'id' | 'kind' | 'entity' | 'actor' | 'createdAt'> & {
  readonly input: Prisma.InputJsonValue;
  readonly inputHash: string;
  readonly caller: CallerContext | null;
};

const SHOWN = {
  id: true,
  kind: true,
  entity: true,
  status: true,
  progress: true,
  error: true,
  actor: true,
  attempts: true,
  createdAt: true,
  startedAt: true,
  finishedAt: true,
} as const;

/** Jobs of a kind are started one after the other, so that two equal ones find each other. Held until the commit, which follows at once. */
export async function lockKind(tx: Tx, kind: string): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('jobs ' || ${kind}::text, 0))::text`;
}

/** The jobs of a kind that have not ended, oldest first. */
export async function findUnfinished(tx: Tx, kind: string): Promise<(JobRow & { inputHash: string })[]> {
  const rows = await tx.job.findMany({
    where: { kind, status: { in: ['queued', 'running'] } },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    select: { ...SHOWN, inputHash: true },
  });
  return rows as unknown as (JobRow & { inputHash: string })[];
}

export async function insertJob(tx: Tx, { caller, ...job }: NewJob): Promise<JobRow> {
  const data = { ...job, caller: caller ?? Prisma.DbNull, status: 'queued' };
  const row = await tx.job.create({ data, select: SHOWN });
  return row as unknown as JobRow;
}

/** `from` is the place of the first. */
export async function insertParts(
  tx: Tx,
  { jobId, from, contents }: { jobId: string; from: number; contents: readonly string[] },
): Promise<void> {
  await tx.$executeRaw`
    insert into job_parts (job_id, part, content)
    select ${jobId}::text, ${from}::integer + place::integer - 1, content
    from unnest(${pgArray(contents)}::text[]) with ordinality as t (content, place)`;
}

export async function findPart(tx: Tx, of: { jobId: string; part: number }): Promise<string | null> {
  const row = await tx.jobPart.findUnique({ where: { jobId_part: of }, select: { content: true } });
  return row?.content ?? null;
}

export async function findJob(tx: Tx, id: string): Promise<EndedJob | null> {
  const row = await tx.job.findUnique({ where: { id }, select: { ...SHOWN, result: true } });
  return row as unknown as EndedJob | null;
}

export async function findStatus(tx: Tx, id: string): Promise<JobStatus | null> {
  const row = await tx.job.findUnique({ where: { id }, select: { status: true } });
  return (row?.status as JobStatus | undefined) ?? null;
}

/** The newest job of the kind that ended well, with its result. */
export async function findNewestDone(tx: Tx, kind: string): Promise<EndedJob | null> {
  const row = await tx.job.findFirst({
    where: { kind, status: 'done' },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    select: { ...SHOWN, result: true },
  });
  return row as unknown as EndedJob | null;
}

/** A page, without results. */
export async function listJobs(
  tx: Tx,
  page: {
    kind: string | null;
    status: JobStatus | null;
    order?: Order;
    after: { createdAt: Date; id: string } | null;
    limit: number;
  },
): Promise<JobRow[]> {
  const { kind, status, order = 'desc', after, limit } = page;
  const rows = await tx.job.findMany({
    where: {
      kind: kind ?? undefined,
      status: status ?? undefined,
      ...(after !== null && behindRow(after, order)),
    },
    orderBy: byTimeOfCreation(order),
    take: limit,
    select: SHOWN,
  });
  return rows as unknown as JobRow[];
}

export type ClaimedJob = {
  readonly id: string;
  readonly kind: string;
  readonly actor: string;
  readonly input: unknown;
  /** What the run before has kept; null where nothing was. */
  readonly state: unknown;
  readonly caller: CallerContext | null;
};

/**
 * Takes the oldest queued job of the first of these kinds of which none runs, or returns null. Processes that take jobs wait for each other,
 * which is one statement; the unique index keeps a second one of a kind from running.
 */
export async function claimJob(
  tx: Tx,
  { kinds, runner, at }: { kinds: readonly string[]; runner: string; at: Date },
): Promise<ClaimedJob | null> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtext('jobs are taken'))::text`;
  const [row] = await tx.$queryRaw<ClaimedJob[]>`
    update jobs set
      status = 'running', runner = ${runner}::uuid, seen_at = clock_timestamp(), attempts = attempts + 1,
      started_at = coalesce(started_at, ${at}::timestamptz)
    where id = (
      select q.id from jobs q
      where q.status = 'queued' and q.kind = any(${pgArray(kinds)}::text[])
        and not exists (select from jobs r where r.kind = q.kind and r.status = 'running')
      order by q.created_at, q.id
      limit 1
    )
    returning id, kind, actor, input, state, caller`;
  return row ?? null;
}

type Run = { readonly id: string; readonly runner: string };

/** Says that the job is still run, and how far it is. False where it was taken away. */
export async function reportProgress(tx: Tx, run: Run & { progress: number }): Promise<boolean> {
  const updated = await tx.$executeRaw`
    update jobs set seen_at = clock_timestamp(), progress = greatest(progress, ${run.progress}::double precision)
    where id = ${run.id}::text and runner = ${run.runner}::uuid and status = 'running'`;
  return updated === 1;
}

/**
 * Saves where the job resumes, in the transaction of the work done so far. False where the job was taken away. Locks the job, so that no other
 * runner takes it.
 */
export async function keepState(tx: Tx, run: Run & { state: unknown }): Promise<boolean> {
  const updated = await tx.$executeRaw`
    update jobs set state = ${JSON.stringify(run.state)}::jsonb, seen_at = clock_timestamp()
    where id = ${run.id}::text and runner = ${run.runner}::uuid and status = 'running'`;
  return updated === 1;
}

/** Ends a job, unless it was taken from its runner. What it was asked to do goes. */
export async function endJob(
  tx: Tx,
  end: Run & { at: Date; result: string | null; error: JobError | null },
): Promise<boolean> {
  const { id, runner, at, result, error } = end;
  const updated = await tx.$executeRaw`
    update jobs set
      status = case when ${result}::text is null then 'failed' else 'done' end,
      result = ${result}::text, error = ${error === null ? null : JSON.stringify(error)}::jsonb,
      progress = case when ${result}::text is null then progress else 1 end,
      runner = null, input = null, state = null, caller = null, finished_at = ${at}::timestamptz
    where id = ${id}::text and runner = ${runner}::uuid and status = 'running'`;
  if (updated === 1) await tx.jobPart.deleteMany({ where: { jobId: id } });
  return updated === 1;
}

/** Gives a job back to the queue; the next runner starts it from the beginning. A job that was never begun keeps its attempts. */
export async function requeueJob(
  tx: Tx,
  { id, runner }: Run,
  { isBegun = true }: { isBegun?: boolean } = {},
): Promise<boolean> {
  const updated = await tx.$executeRaw`
    update jobs set status = 'queued', runner = null, progress = 0, attempts = attempts - ${isBegun ? 0 : 1}::integer
    where id = ${id}::text and runner = ${runner}::uuid and status = 'running'`;
  return updated === 1;
}

export type SilentJob = Run & { readonly kind: string; readonly attempts: number };

/** Jobs of whose runner nothing was heard for so long. */
export async function findSilent(tx: Tx, { silentMs }: { silentMs: number }): Promise<SilentJob[]> {
  return tx.$queryRaw<SilentJob[]>`
    select id, kind, attempts, runner from jobs
    where status = 'running' and seen_at < clock_timestamp() - ${silentMs}::integer * interval '1 millisecond'
    order by created_at, id
    limit 100`;
}
