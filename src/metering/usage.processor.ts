/** Takes the jobs of the usage queue: their events are validated and counted in shared batches, and a job completes after their commit. */
import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import type { Job } from 'bullmq';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { Clock } from '../platform/clock.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { isLostConnection } from '../platform/redis-errors.js';
import type { NewDeadLetter } from './dead-letter.js';
import { DeadLetters } from './dead-letters.js';
import { retryLater } from './job-retry.js';
import { parseEvent } from './event-validation.js';
import { Batcher } from './batcher.js';
import { BatchSplitter, type Delivery } from './batch-splitter.js';

const BATCH_EVENTS_MAX = 1_000;
const BATCH_WAIT_MS = 10;
/** While one waits for Postgres, the next is computed. */
const FLUSHES_MAX = 2;

/** Jobs in flight: enough for two batches of single events, and fewer as jobs grow, so that memory stays bounded. */
const JOBS_MAX = 2_000;
const JOBS_MIN = 4;
const EVENTS_IN_FLIGHT_MAX = 8_000;

const LOCK_MS = 60_000;
/** A stalled job may run again any number of times: its events' identities keep them from counting twice. */
const STALLED_MAX = 1_000_000;

const PAYLOAD_DEPTH_MAX = 64;

@Processor(USAGE_QUEUE, { concurrency: JOBS_MAX, lockDuration: LOCK_MS, maxStalledCount: STALLED_MAX })
export class UsageProcessor extends WorkerHost {
  private readonly batcher: Batcher<Delivery>;
  private eventsPerJob = 1;
  private logged: unknown = null;

  constructor(
    writer: BatchSplitter,
    private readonly deadLetters: DeadLetters,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    super();
    this.batcher = new Batcher((deliveries) => writer.write(deliveries), {
      batchCountMax: BATCH_EVENTS_MAX,
      waitMs: BATCH_WAIT_MS,
      flushesMax: FLUSHES_MAX,
    });
  }

  async process(job: Job, token?: string): Promise<void> {
    // A producer that does not say so would leave each of its jobs in Redis for ever: all that a job says is in Postgres by then.
    job.opts.removeOnComplete = true;
    try {
      await this.count(job);
    } catch (error) {
      this.logOnce(error, job);
      await retryLater(job, { nowMs: this.clock.queueNowMs(), token });
    }
  }

  /** Without a listener BullMQ prints the error itself. An outage of Redis is logged by its connection. */
  @OnWorkerEvent('error')
  failed(error: Error): void {
    if (!isLostConnection(error)) this.logger.error('the worker of the usage queue', error);
  }

  /** The jobs of one batch fail with the same error. */
  private logOnce(error: unknown, job: Job): void {
    if (error !== this.logged) {
      this.logger.error('a batch could not be written; its jobs wait for another try', error, {
        job_id: job.id,
      });
    }
    this.logged = error;
  }

  /** Resolves when every event of the job is counted or a dead letter, and that is committed. */
  private async count(job: Job): Promise<void> {
    const bodies: unknown[] = Array.isArray(job.data) ? job.data : [job.data];
    this.adaptConcurrency(bodies.length);
    const { deliveries, deadLetters } = this.read(bodies, { jobId: job.id ?? null, jobName: job.name });
    for (const part of partsOf(deadLetters)) await this.deadLetters.keep(part);
    this.metrics.usageEvents.inc({ outcome: 'dead_letter' }, deadLetters.length);
    await Promise.all(partsOf(deliveries).map((part) => this.batcher.add(part)));
  }

  private read(
    bodies: readonly unknown[],
    job: { jobId: string | null; jobName: string },
  ): { deliveries: Delivery[]; deadLetters: NewDeadLetter[] } {
    const { jobId } = job;
    const deliveries: Delivery[] = [];
    const deadLetters: NewDeadLetter[] = [];
    const now = this.clock.now();
    for (const body of bodies) {
      const reading = parseEvent(body, now);
      const payload = (): string => payloadOf(body);
      if (job.jobName !== USAGE_JOB) {
        const message = `jobs of this queue are named "${USAGE_JOB}", not ${JSON.stringify(job.jobName)}`;
        deadLetters.push({
          code: 'unknown_job',
          message,
          payload: payload(),
          jobId,
          entity: null,
          project: null,
          source: null,
          eventId: null,
        });
      } else if (reading.ok) {
        deliveries.push({ event: reading.event, body, jobId });
      } else {
        const { code, message, entity, project, source, id: eventId } = reading;
        deadLetters.push({ code, message, payload: payload(), jobId, entity, project, source, eventId });
      }
    }
    return { deliveries, deadLetters };
  }

  /** Sets how many jobs are in flight by a moving average of their size. */
  private adaptConcurrency(eventsInJob: number): void {
    this.eventsPerJob += (eventsInJob - this.eventsPerJob) / 20;
    const jobs = Math.floor(EVENTS_IN_FLIGHT_MAX / Math.max(1, this.eventsPerJob));
    this.worker.concurrency = Math.min(JOBS_MAX, Math.max(JOBS_MIN, jobs));
  }
}

/** What is nested too deep to be written as JSON is cut where it is too deep. */
function payloadOf(body: unknown): string {
  try {
    return JSON.stringify(body ?? null);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return JSON.stringify(cut(body, PAYLOAD_DEPTH_MAX));
  }
}

function cut(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.map((inner) => cut(inner, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cut(inner, depth - 1)]));
}

/** As large as a batch at most. */
function partsOf<T>(items: readonly T[]): T[][] {
  const parts = [];
  for (let start = 0; start < items.length; start += BATCH_EVENTS_MAX) {
    parts.push(items.slice(start, start + BATCH_EVENTS_MAX));
  }
  return parts;
}
