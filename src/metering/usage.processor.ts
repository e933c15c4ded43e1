/** The queue's door: each job's events are read, counted in shared transactions, and only then is the job done. */
import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { DelayedError, type Job } from 'bullmq';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { Clock } from '../platform/clock.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { isOutage } from '../platform/outage.js';
import type { NewDeadLetter } from './dead-letters.sql.js';
import { DeadLetters } from './dead-letters.js';
import { parseEvent } from './event-reader.js';
import { Accumulator } from './accumulator.js';
import { BatchWriter, type Delivery } from './batch-writer.js';

const BATCH_EVENTS_MAX = 1_000;
const BATCH_WAIT_MS = 10;
/** Two: one is computed here while the other waits for Postgres. */
const FLUSHES_MAX = 2;

/** Jobs at work at once: at least two batches of single events, and fewer as the jobs grow, so that memory stays bounded. */
const JOBS_MAX = 2_000;
const JOBS_MIN = 4;
const EVENTS_AT_WORK_MAX = 8_000;

const LOCK_MS = 60_000;
/** A stalled job runs again, however often: the identities decide what counts. */
const STALLED_MAX = 1_000_000;

/** How long a job waits before it is tried again when Postgres or Redis did not take it. */
const RETRY_MS = 2_000;

@Processor(USAGE_QUEUE, { concurrency: JOBS_MAX, lockDuration: LOCK_MS, maxStalledCount: STALLED_MAX })
export class UsageProcessor extends WorkerHost {
  private readonly accumulator: Accumulator<Delivery>;
  private eventsPerJob = 1;
  private logged: unknown = null;

  constructor(
    writer: BatchWriter,
    private readonly deadLetters: DeadLetters,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    super();
    this.accumulator = new Accumulator((deliveries) => writer.write(deliveries), {
      batchCountMax: BATCH_EVENTS_MAX,
      waitMs: BATCH_WAIT_MS,
      flushesMax: FLUSHES_MAX,
    });
  }

  /** A job that the servers could not take is put back, without using up an attempt: attempts are the producer's, faults are ours. */
  async process(job: Job, token?: string): Promise<void> {
    try {
      await this.take(job);
    } catch (error) {
      this.logOnce(error, job);
      await job.moveToDelayed(this.clock.queueNowMs() + RETRY_MS * (1 + Math.random()), token);
      throw new DelayedError();
    }
  }

  /** BullMQ prints what nobody listens for. That Redis is away is told by its connection. */
  @OnWorkerEvent('error')
  failed(error: Error): void {
    if (!isOutage(error)) this.logger.error('the worker of the usage queue', error);
  }

  /** The jobs of one batch fail with one error. */
  private logOnce(error: unknown, job: Job): void {
    if (error !== this.logged) {
      this.logger.error('a batch could not be written; its jobs wait for another try', error, {
        job_id: job.id,
      });
    }
    this.logged = error;
  }

  private async take(job: Job): Promise<void> {
    const jobId = job.id ?? null;
    const bodies: unknown[] = Array.isArray(job.data) ? job.data : [job.data];
    this.adaptConcurrency(bodies.length);
    const { deliveries, letters } = this.read(bodies, { jobId, jobName: job.name });
    for (let start = 0; start < letters.length; start += BATCH_EVENTS_MAX) {
      await this.deadLetters.keep(letters.slice(start, start + BATCH_EVENTS_MAX));
    }
    this.metrics.usageEvents.inc({ outcome: 'dead_letter' }, letters.length);
    const parts = [];
    for (let start = 0; start < deliveries.length; start += BATCH_EVENTS_MAX) {
      parts.push(this.accumulator.add(deliveries.slice(start, start + BATCH_EVENTS_MAX)));
    }
    await Promise.all(parts);
  }

  private read(
    bodies: readonly unknown[],
    job: { jobId: string | null; jobName: string },
  ): { deliveries: Delivery[]; letters: NewDeadLetter[] } {
    const { jobId } = job;
    const deliveries: Delivery[] = [];
    const letters: NewDeadLetter[] = [];
    const now = this.clock.now();
    for (const body of bodies) {
      const reading = parseEvent(body, now);
      const payload = (): string => JSON.stringify(body ?? null);
      if (job.jobName !== USAGE_JOB) {
        const message = `jobs of this queue are named "${USAGE_JOB}", not ${JSON.stringify(job.jobName)}`;
        letters.push({
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
        letters.push({ code, message, payload: payload(), jobId, entity, project, source, eventId });
      }
    }
    return { deliveries, letters };
  }

  /** A moving average of the job size decides how many jobs are fetched at once. */
  private adaptConcurrency(eventsInJob: number): void {
    this.eventsPerJob += (eventsInJob - this.eventsPerJob) / 20;
    const jobs = Math.floor(EVENTS_AT_WORK_MAX / Math.max(1, this.eventsPerJob));
    this.worker.concurrency = Math.min(JOBS_MAX, Math.max(JOBS_MIN, jobs));
  }
}
