/**
 * BullMQ hands out jobs first in, first out, so whatever arrives behind a flood would wait for all of it. While one entity floods,
 * this looks at the waiting jobs of a queue, newest first and each once, and moves those that hold nothing of the flood to the front.
 */
import type { Job, Queue } from 'bullmq';
import { bodiesOf } from './job-reading.js';
import { entityIn } from './queue-overview.js';

/** What one round reads: about a twentieth of a core at ten rounds a second. */
const JOBS_MAX = 100;
const EVENTS_MAX = 1_000;
/** Redis searches the waiting jobs for each that is moved: 1 to 2 ms among 100,000. */
const MOVES_MAX = 20;
/** Ids that one call lists. */
const PAGE = 500;
const SEEN_MAX = 50_000;

export class Overtaking {
  private readonly seen = new Set<string>();
  /** How far behind the newest the second page begins, which goes through all that waits. */
  private depth = PAGE;
  private eventsPerJob = EVENTS_MAX;

  constructor(private readonly queue: Queue) {}

  /** Returns how many jobs overtook. A job that a worker takes meanwhile is left alone. */
  async round(flooding: ReadonlySet<string>): Promise<number> {
    const moved: Job[] = [];
    let [jobs, events] = [0, 0];
    const ids = await this.unseen();
    while (jobs < Math.min(JOBS_MAX, ids.length) && events < EVENTS_MAX && moved.length < MOVES_MAX) {
      const count = Math.max(1, Math.min(10, Math.floor(EVENTS_MAX / this.eventsPerJob)));
      const part = ids.slice(jobs, jobs + count);
      jobs += part.length;
      for (const id of part) this.remember(id);
      for (const job of await Promise.all(part.map((id) => this.queue.getJob(id)))) {
        if (job === undefined) continue;
        const bodies = bodiesOf(job);
        events += bodies.length;
        this.eventsPerJob = Math.max(1, bodies.length);
        if (mayOvertake(bodies, flooding)) moved.push(job);
      }
    }
    // The oldest goes last, and so is the first to be taken.
    for (const job of moved) await moveToFront(job);
    return moved.length;
  }

  private async unseen(): Promise<string[]> {
    const newest = await this.queue.getRanges(['wait'], 0, PAGE - 1);
    const older =
      newest.length < PAGE ? [] : await this.queue.getRanges(['wait'], this.depth, this.depth + PAGE - 1);
    this.depth = older.length < PAGE ? PAGE : this.depth + PAGE;
    return [...newest, ...older].filter((id) => !this.seen.has(id));
  }

  private remember(id: string): void {
    if (this.seen.size >= SEEN_MAX) this.seen.delete(this.seen.values().next().value!);
    this.seen.add(id);
  }
}

/** What cannot be read waits for its turn. */
function mayOvertake(bodies: readonly unknown[], flooding: ReadonlySet<string>): boolean {
  return (
    bodies.length > 0 &&
    bodies.every((body) => {
      const entity = entityIn(body);
      return entity !== null && !flooding.has(entity);
    })
  );
}

async function moveToFront(job: Job): Promise<void> {
  try {
    await job.changePriority({ priority: 0, lifo: true });
  } catch {
    // It is done already, or Redis is unavailable and its connection says so.
  }
}
