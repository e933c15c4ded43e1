/** Bounds what the workers of a process hold in memory: events and their bytes, whatever the size of a job. */

/** Enough that each lane gathers its next batch while one is in flight. */
const EVENTS_MAX = 16_000;
/** As JSON, estimated by each job's first event. */
const BYTES_MAX = 32 * 1024 * 1024;

/** In flight in one worker. */
const JOBS_MAX = 2_000;
const JOBS_MIN = 2;

/** Of the average size of a job, when one is smaller; a larger one counts at once. */
const SMOOTHING = 1 / 20;

export type JobSize = { readonly events: number; readonly bytes: number };

export class Intake {
  /** By queue and id. */
  private readonly jobs = new Map<string, Map<string, JobSize>>();
  private held: JobSize = { events: 0, bytes: 0 };
  private usual: JobSize = { events: 1, bytes: 1 };

  constructor(queues: readonly string[]) {
    for (const queue of queues) this.jobs.set(queue, new Map());
  }

  take(queue: string, id: string, size: JobSize): void {
    this.release(queue, id);
    this.jobs.get(queue)!.set(id, size);
    this.held = sum(this.held, size, 1);
    this.usual = {
      events: moved(this.usual.events, size.events),
      bytes: moved(this.usual.bytes, size.bytes),
    };
  }

  release(queue: string, id: string): void {
    const size = this.jobs.get(queue)!.get(id);
    if (size === undefined) return;
    this.jobs.get(queue)!.delete(id);
    this.held = sum(this.held, size, -1);
  }

  /** How many jobs the queue's worker may have in flight; all share the room that is left. */
  jobsMax(queue: string): number {
    const room = Math.min(
      (EVENTS_MAX - this.held.events) / this.usual.events,
      (BYTES_MAX - this.held.bytes) / this.usual.bytes,
    );
    const more = Math.floor(Math.max(0, room) / this.jobs.size);
    return Math.min(JOBS_MAX, Math.max(JOBS_MIN, this.jobs.get(queue)!.size + more));
  }
}

function sum(left: JobSize, right: JobSize, sign: 1 | -1): JobSize {
  return { events: left.events + sign * right.events, bytes: left.bytes + sign * right.bytes };
}

function moved(average: number, size: number): number {
  return Math.max(1, size, average + (size - average) * SMOOTHING);
}
