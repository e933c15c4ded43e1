/** Runs jobs: takes what is queued, says that it still runs them, and ends, gives back or fails them. */
import { randomUUID } from 'node:crypto';
import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { expectationOf } from '../http/expectations.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { Logger } from '../platform/logger.js';
import { isUnavailable } from '../platform/unavailable.js';
import { JobKinds, type JobKind } from './job-kinds.js';
import { Jobs } from './jobs.js';
import {
  claimJob,
  endJob,
  findPart,
  findSilent,
  keepState,
  reportProgress,
  requeueJob,
  type ClaimedJob,
  type JobError,
  type SilentJob,
} from './jobs.sql.js';

/** How often a worker looks for jobs that another process has started. */
const LOOK_MS = 250;
/** How often a runner says how far it is, and that it is there. */
const REPORT_MS = 1_000;
/** A runner of whom nothing was heard for so long is dead. */
const SILENT_MS_MAX = 30_000;
const SILENT_LOOK_MS = 5_000;
/** How often one job is begun. */
const ATTEMPTS_MAX = 5;
/** Jobs that one process runs at a time, each of another kind. They share the connections of all other changes. */
const RUNNING_MAX = 4;

const INTERRUPTED =
  'The process that ran it ended before it did, and work of this kind is not begun twice: look what is done, and start it again';
const TOO_OFTEN = `It was begun ${ATTEMPTS_MAX} times and never ended`;
const BUG = 'The server had an error while doing it';

/** A run has an id of its own: a process that was paused for long may find its own job silent, and take it again. */
type Claim = ClaimedJob & { readonly runner: string };

type Running = { readonly job: Claim; readonly stop: AbortController; readonly ended: Promise<void> };

@Injectable()
export class JobRunner implements OnModuleDestroy, OnApplicationShutdown {
  private readonly running = new Map<string, Running>();
  private timer: NodeJS.Timeout | undefined;
  private isStarted = false;
  private isStopping = false;
  private looking: Promise<void> | null = null;
  private isAskedAgain = false;
  private lookedForSilentAtMs = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly kinds: JobKinds,
    private readonly jobs: Jobs,
    private readonly logger: Logger,
  ) {}

  /** From now on this process runs jobs. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.jobs.onStart(() => this.look());
    this.look();
  }

  /** No new jobs; those that run are told to end. */
  onModuleDestroy(): void {
    this.isStopping = true;
    clearTimeout(this.timer);
    for (const { stop } of this.running.values()) stop.abort(new Error('the process is stopping'));
  }

  /** They have ended, or were given back, before the connections are closed. */
  async onApplicationShutdown(): Promise<void> {
    await this.looking;
    await Promise.all([...this.running.values()].map(({ ended }) => ended));
  }

  private look(): void {
    if (this.isStopping || !this.isStarted) return;
    if (this.looking !== null) {
      this.isAskedAgain = true;
      return;
    }
    clearTimeout(this.timer);
    this.looking = this.takeAll()
      .catch((error: unknown) => {
        if (!isUnavailable(error)) this.logger.error('jobs were not looked for', error);
      })
      .finally(() => {
        this.looking = null;
        if (this.isStopping) return;
        if (this.isAskedAgain) {
          this.isAskedAgain = false;
          this.look();
          return;
        }
        this.timer = setTimeout(() => this.look(), LOOK_MS);
      });
  }

  private async takeAll(): Promise<void> {
    await this.takeFromTheDead();
    while (!this.isStopping && this.running.size < RUNNING_MAX) {
      const runner = randomUUID();
      const job = await this.database.transaction(async (tx) => {
        const at = await this.clock.bookingTime(tx);
        return { taken: await claimJob(tx, { kinds: this.kinds.names, runner, at }) };
      });
      if (job.taken === null) return;
      // The process was told to stop meanwhile: it was not begun.
      if (this.isStopping)
        await requeueJob(this.database.reader, { id: job.taken.id, runner }, { isBegun: false });
      else this.run({ ...job.taken, runner });
    }
  }

  private run(job: Claim): void {
    const stop = new AbortController();
    const ended = this.work(job, stop)
      .catch((error: unknown) =>
        this.logger.error('a job was not ended', error, { job: job.id, kind: job.kind }),
      )
      .finally(() => {
        this.running.delete(job.runner);
        // The next of its kind may be waiting.
        this.look();
      });
    this.running.set(job.runner, { job, stop, ended });
  }

  private async work(job: Claim, stop: AbortController): Promise<void> {
    const { id, runner } = job;
    const kind = this.kinds.find(job.kind)!;
    let share = 0;
    const report = async (): Promise<void> => {
      const isOurs = await reportProgress(this.database.reader, { id, runner, progress: share });
      if (!isOurs) stop.abort(new Error('the job was taken away'));
    };
    // What cannot be reported now is reported a second later; a job of which nothing is heard for long is taken away.
    const reports = setInterval(() => void report().catch(() => {}), REPORT_MS);
    this.logger.info('job begins', { job: id, kind: job.kind });
    try {
      const result = await kind.run({
        id,
        input: kind.input.parse(job.input, { error: expectationOf }),
        actor: job.actor,
        caller: job.caller,
        state: job.state,
        keep: (tx, state) => this.keep(tx, job, state),
        signal: stop.signal,
        progress: (value) => void (share = Math.min(1, Math.max(share, value))),
        parts: () => this.partsOf(id),
        endIn: (tx, ended) => this.endIn(tx, job, ended),
      });
      await this.end(job, { result, error: null });
      this.logger.info('job is done', { job: id, kind: job.kind });
    } catch (error) {
      await this.fail(job, kind, { error, isStopped: stop.signal.aborted });
    } finally {
      clearInterval(reports);
    }
  }

  private async fail(
    job: Claim,
    kind: JobKind,
    { error, isStopped }: { error: unknown; isStopped: boolean },
  ): Promise<void> {
    const { id } = job;
    if (isStopped || isUnavailable(error)) {
      this.logger.warn('job is interrupted', { job: id, kind: kind.name, reason: String(error) });
      // Where Postgres cannot be told, the job is silent, and is taken from this process later.
      if (!kind.mayRunAgain) await this.end(job, { result: null, error: interrupted(INTERRUPTED) });
      else await requeueJob(this.database.reader, { id, runner: job.runner });
      return;
    }
    if (!(error instanceof TallyError)) this.logger.error('job failed', error, { job: id, kind: kind.name });
    await this.end(job, { result: null, error: errorOf(error) });
  }

  private async keep(tx: Tx, { id, runner }: Claim, state: object): Promise<void> {
    if (!(await keepState(tx, { id, runner, state }))) throw new Error('the job was taken away');
  }

  private async endIn(tx: Tx, { id, runner }: Claim, result: string): Promise<void> {
    const at = await this.clock.bookingTime(tx);
    if (!(await endJob(tx, { id, runner, at, result, error: null })))
      throw new Error('the job was taken away');
  }

  private async end(
    { id, runner }: Claim,
    end: { result: string | null; error: JobError | null },
  ): Promise<void> {
    await this.database.transaction(async (tx) => {
      const at = await this.clock.bookingTime(tx);
      return endJob(tx, { id, runner, at, ...end });
    });
  }

  private async *partsOf(jobId: string): AsyncGenerator<string> {
    for (let part = 0; ; part += 1) {
      const content = await findPart(this.database.reader, { jobId, part });
      if (content === null) return;
      yield content;
    }
  }

  private async takeFromTheDead(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.lookedForSilentAtMs < SILENT_LOOK_MS) return;
    this.lookedForSilentAtMs = nowMs;
    const silent = await findSilent(this.database.reader, { silentMs: SILENT_MS_MAX });
    for (const job of silent) await this.takeFrom(job);
  }

  private async takeFrom({ id, kind, attempts, runner }: SilentJob): Promise<void> {
    this.logger.warn('the process that ran a job is gone', { job: id, kind });
    const mayRunAgain = this.kinds.find(kind)?.mayRunAgain ?? false;
    if (mayRunAgain && attempts < ATTEMPTS_MAX) {
      await requeueJob(this.database.reader, { id, runner });
      return;
    }
    const error = interrupted(mayRunAgain ? TOO_OFTEN : INTERRUPTED);
    await this.database.transaction(async (tx) => {
      const at = await this.clock.bookingTime(tx);
      return endJob(tx, { id, runner, at, result: null, error });
    });
  }
}

function interrupted(message: string): JobError {
  return { code: 'internal_error', message, param: null };
}

function errorOf(error: unknown): JobError {
  return error instanceof TallyError
    ? { code: error.code, message: error.message, param: error.param }
    : { code: 'internal_error', message: BUG, param: null };
}
