/** Reads what a job of the usage queue carries: events, and what can never be one, which becomes dead letters. */
import { USAGE_EVENTS_MAX, USAGE_JOB } from '@tally/client/protocol';
import type { UsageEvent } from '../domain/usage.js';
import { OVERSIZED_JOB, type NewDeadLetter } from './dead-letter.js';
import { parseEvent, withoutMark } from './event-validation.js';
import type { TurnBudget } from './turn-budget.js';
import { readable } from './well-formed.js';

/** As over HTTP. What is nested deeper is cut in a dead letter. */
const PAYLOAD_DEPTH_MAX = 64;
const NAME_LENGTH_MAX = 256;

export type ReceivedJob = {
  readonly id: string | null;
  /** A producer that does not use BullMQ may have left it out. */
  readonly name: string | undefined;
  readonly data: unknown;
  /** When it was added, by the producer's clock. */
  readonly addedAtMs: number;
};

export type JobReading = {
  readonly events: readonly { readonly event: UsageEvent; readonly body: unknown }[];
  readonly deadLetters: readonly NewDeadLetter[];
  /** What reading an event failed for, which is a fault of ours, or null. */
  readonly failure: unknown;
};

export function bodiesOf({ data }: Pick<ReceivedJob, 'data'>): readonly unknown[] {
  return Array.isArray(data) ? data : [data];
}

/** By its first event, so that measuring costs no more than reading one. */
export function estimatedBytes(bodies: readonly unknown[]): number {
  return bodies.length === 0 ? 0 : bodies.length * jsonOf(bodies[0]).length;
}

/** `refused` spreads the reading of wrong events over turns of the event loop. */
export async function readJob(job: ReceivedJob, now: Date, refused: TurnBudget): Promise<JobReading> {
  const bodies = bodiesOf(job);
  if (bodies.length > USAGE_EVENTS_MAX)
    return { events: [], deadLetters: oversized(bodies, job), failure: null };
  const events: { event: UsageEvent; body: unknown }[] = [];
  const deadLetters: NewDeadLetter[] = [];
  let failure: unknown = null;
  for (const body of bodies) {
    try {
      const reading = readBody(body, job, now);
      if ('event' in reading) {
        events.push({ event: reading.event, body });
        continue;
      }
      deadLetters.push(reading);
      await refused.admit(1);
    } catch (error) {
      failure = error;
    }
  }
  return { events, deadLetters, failure };
}

function readBody(body: unknown, job: ReceivedJob, now: Date): { event: UsageEvent } | NewDeadLetter {
  if (job.name !== USAGE_JOB) {
    const message = `jobs of this queue are named "${USAGE_JOB}", not ${readable(JSON.stringify(job.name ?? null), NAME_LENGTH_MAX)}`;
    return { ...ofNobody(job), code: 'unknown_job', message, payload: payloadOf(body) };
  }
  const reading = parseEvent(body, now, job.addedAtMs);
  if (reading.ok) return reading;
  const { code, message, entity, project, source, id: eventId } = reading;
  const payload = payloadOf(withoutMark(body));
  return { code, message, payload, jobId: job.id, entity, project, source, eventId };
}

/** In parts that a job may carry, so that a replay can put each into one. */
function oversized(bodies: readonly unknown[], job: ReceivedJob): NewDeadLetter[] {
  const parts = partsOf(bodies);
  return parts.map((part, index) => ({
    ...ofNobody(job),
    code: OVERSIZED_JOB,
    message: `a job carries up to ${USAGE_EVENTS_MAX} events, not ${bodies.length}: these are part ${index + 1} of ${parts.length}`,
    payload: payloadOf(part),
  }));
}

function ofNobody({
  id,
}: ReceivedJob): Pick<NewDeadLetter, 'jobId' | 'entity' | 'project' | 'source' | 'eventId'> {
  return { jobId: id, entity: null, project: null, source: null, eventId: null };
}

/** As many as a job may carry. */
export function partsOf<T>(items: readonly T[]): T[][] {
  const parts = [];
  for (let start = 0; start < items.length; start += USAGE_EVENTS_MAX)
    parts.push(items.slice(start, start + USAGE_EVENTS_MAX));
  return parts;
}

/** What is nested too deep to be written as JSON is cut where it is too deep. */
function jsonOf(body: unknown): string {
  try {
    return JSON.stringify(body ?? null);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return payloadOf(body);
  }
}

function payloadOf(body: unknown): string {
  return JSON.stringify(cut(body ?? null, PAYLOAD_DEPTH_MAX));
}

function cut(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.map((inner) => cut(inner, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cut(inner, depth - 1)]));
}
