/**
 * Puts usage that arrives within a few milliseconds into one job of its queue: a job costs BullMQ and its workers the same with one
 * event as with hundreds.
 */
import { Injectable } from '@nestjs/common';
import { OVERLOADED_MESSAGE } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { UsageQueue } from '../platform/queues.js';

/** How long the first events of a job wait for more. */
const GATHER_MS = 3;

/** What is worth a job waits no longer: with so many, a job's own cost is a small part of what its events cost. */
const WORTH_A_JOB_EVENTS = 32;

/** A job holds no more of either. One request may be larger: it is a job of its own then. */
const JOB_EVENTS_MAX = 500;
const JOB_BYTES_MAX = 1024 * 1024;

/** What may wait here for Redis, which answers within milliseconds where it is well. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

export type Usage = {
  /** As they arrived. */
  readonly events: readonly unknown[];
  /** About, as JSON. */
  readonly bytes: number;
};

/** The events of a job that has not been sent yet. */
type Gathering = {
  readonly events: unknown[];
  bytes: number;
  /** Settles for all of them alike. */
  readonly stored: Promise<string>;
  readonly send: () => void;
};

@Injectable()
export class EventGatherer {
  private readonly gatherings = new Map<string, Gathering>();
  private heldBytes = 0;

  constructor(private readonly queue: UsageQueue) {}

  /** Resolves to the job's key when Redis has the events. Throws where it does not: then none of them is on the queue for sure. */
  async add(queueName: string, { events, bytes }: Usage): Promise<string> {
    if (this.heldBytes + bytes > HELD_BYTES_MAX) {
      throw new TallyError('overloaded', OVERLOADED_MESSAGE, {
        cause: new Error('too much usage waits for Redis'),
      });
    }
    this.heldBytes += bytes;
    try {
      const gathering = this.gatheringFor(queueName, { events, bytes });
      gathering.events.push(...events);
      gathering.bytes += bytes;
      if (isWorthAJob(gathering)) gathering.send();
      return await gathering.stored;
    } finally {
      this.heldBytes -= bytes;
    }
  }

  private gatheringFor(queueName: string, more: Usage): Gathering {
    const open = this.gatherings.get(queueName);
    if (open === undefined) return this.open(queueName);
    if (
      open.events.length + more.events.length <= JOB_EVENTS_MAX &&
      open.bytes + more.bytes <= JOB_BYTES_MAX
    ) {
      return open;
    }
    open.send();
    return this.open(queueName);
  }

  private open(queueName: string): Gathering {
    const events: unknown[] = [];
    const { promise: stored, resolve } = withResolver<string>();
    const timer = setTimeout(() => gathering.send(), GATHER_MS);
    const send = (): void => {
      clearTimeout(timer);
      this.gatherings.delete(queueName);
      resolve(this.queue.add(events, queueName));
    };
    const gathering: Gathering = { events, bytes: 0, stored, send };
    this.gatherings.set(queueName, gathering);
    return gathering;
  }
}

function isWorthAJob({ events, bytes }: Gathering): boolean {
  return events.length >= WORTH_A_JOB_EVENTS || bytes >= JOB_BYTES_MAX;
}

/** A promise that takes on what it is resolved with. */
function withResolver<T>(): { promise: Promise<T>; resolve: (value: Promise<T>) => void } {
  let resolve: (value: Promise<T>) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
