/** Long work as jobs: a request starts one, and answers with what came of it, or where it stands after two seconds. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { callerOf } from '../access/caller-context.js';
import { TallyError } from '../domain/errors.js';
import { randomId } from '../domain/ids.js';
import type { Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import type { Prisma } from '../platform/prisma/client.js';
import {
  findJob,
  findNewestDone,
  findStatus,
  findUnfinished,
  insertJob,
  insertParts,
  listJobs,
  lockKind,
  type EndedJob,
  type JobRow,
  type JobStatus,
} from './jobs.sql.js';

export type { EndedJob, JobRow, JobStatus } from './jobs.sql.js';

/** How long a request waits for its job. */
const WAIT_MS_MAX = 2_000;
const LOOK_MS_MIN = 10;
const LOOK_MS_MAX = 150;

/** Jobs of a kind that wait behind the one that runs. */
const QUEUED_MAX = 20;

/** Parts that one statement writes. */
const PARTS_AT_ONCE = 20;

const ID = /^job_[A-Za-z0-9]{1,64}$/;

export type JobOrder = {
  readonly kind: string;
  readonly input: Prisma.InputJsonObject;
  /** Input that is too large for one value. */
  readonly parts?: readonly string[];
  readonly entity?: string | null;
  readonly actor: string;
  /** What the audit log says of it; null where it changes nothing. It names no person. */
  readonly audit: Readonly<Record<string, unknown>> | null;
  /**
   * Which equal job is taken instead of a new one: also one that runs already, or only one that has not begun, where what has happened
   * meanwhile counts.
   */
  readonly joins: 'running' | 'queued';
};

@Injectable()
export class Jobs {
  private readonly listeners: (() => void)[] = [];

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Calls the listener when this process has started a job, so that a worker in it need not wait until it looks. */
  onStart(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** In a transaction of its own. */
  startNow(order: JobOrder): Promise<JobRow> {
    return this.database.transaction((tx) => this.start(tx, order));
  }

  /**
   * Queues a job, in the caller's transaction, which commits soon after. An equal one that has not ended is returned instead. Throws a
   * conflict where too many of the kind wait.
   */
  async start(tx: Tx, order: JobOrder): Promise<JobRow> {
    const { kind, input, parts = [], entity = null, actor, joins } = order;
    const inputHash = hashOf([kind, JSON.stringify(input), ...parts]);
    const createdAt = await this.clock.bookingTime(tx);
    await lockKind(tx, kind);
    const unfinished = await findUnfinished(tx, kind);
    const equal = unfinished.find(
      (job) => job.inputHash === inputHash && (joins === 'running' || job.status === 'queued'),
    );
    if (equal !== undefined) return equal;
    if (unfinished.filter(({ status }) => status === 'queued').length >= QUEUED_MAX)
      throw new TallyError('conflict', `${QUEUED_MAX} jobs of this kind are waiting already`);
    const job = await insertJob(tx, {
      id: randomId('job'),
      kind,
      entity,
      actor,
      createdAt,
      input,
      inputHash,
      caller: callerOf(tx, actor),
    });
    for (let from = 0; from < parts.length; from += PARTS_AT_ONCE)
      await insertParts(tx, { jobId: job.id, from, contents: parts.slice(from, from + PARTS_AT_ONCE) });
    if (order.audit !== null) {
      const after = { kind, ...order.audit };
      await insertAuditEntry(tx, {
        at: createdAt,
        actor,
        action: 'jobs.start',
        entity,
        target: job.id,
        before: null,
        after,
      });
    }
    return job;
  }

  /**
   * The job once it has ended, or as it is after two seconds; null where there is none. Workers have been told of it: call it after the
   * commit.
   */
  async settled(id: string, waitMsMax = WAIT_MS_MAX): Promise<EndedJob | null> {
    for (const listener of this.listeners) listener();
    const until = performance.now() + waitMsMax;
    for (let lookMs = LOOK_MS_MIN; ; lookMs = Math.min(2 * lookMs, LOOK_MS_MAX)) {
      const status = await findStatus(this.database.reader, id);
      const hasEnded = status !== 'queued' && status !== 'running';
      if (hasEnded || performance.now() + lookMs > until) return findJob(this.database.reader, id);
      await delay(lookMs);
    }
  }

  /** Throws not_found. */
  async get(id: string): Promise<EndedJob> {
    const job = ID.test(id) ? await findJob(this.database.reader, id) : null;
    if (job === null) throw new TallyError('not_found', 'no such job');
    return job;
  }

  /** The newest of the kind that ended well; null where there is none. */
  newestDone(kind: string): Promise<EndedJob | null> {
    return findNewestDone(this.database.reader, kind);
  }

  /** By when they were made; `after` is the last id of the page before. */
  async list(page: {
    kind: string | null;
    status: JobStatus | null;
    order?: Order;
    after: string | null;
    limit: number;
  }): Promise<JobRow[]> {
    const { reader } = this.database;
    const after = await cursorRow(page.after, async (id) => {
      const job = ID.test(id) ? await findJob(reader, id) : null;
      return page.kind === null || job?.kind === page.kind ? job : null;
    });
    return listJobs(reader, { ...page, after });
  }
}

function hashOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text).update('\0');
  return hash.digest('hex');
}
