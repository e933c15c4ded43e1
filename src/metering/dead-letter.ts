/** An event that could not be counted: kept whole, once, with the reason. */
import type { DeadLetter } from '../platform/prisma/client.js';

/** Of a job that carried more events than one may: its payload is an array of as many as one may. */
export const OVERSIZED_JOB = 'oversized_job';

export type DeadLetterStatus = 'open' | 'replayed' | 'discarded';

/** `payload` is the event as it arrived, or of an oversized job an array of them, as JSON text. */
export type DeadLetterRow = Omit<DeadLetter, 'entity'> & {
  /** Null where the event names none that can be read. */
  readonly entity: string | null;
  readonly status: DeadLetterStatus;
};

export type NewDeadLetter = Omit<DeadLetterRow, 'id' | 'status' | 'seenCount' | 'firstSeenAt' | 'lastSeenAt'>;

/** Null in any field is no condition. Times are those of the last arrival: from `from` on, before `to`. */
export type DeadLetterFilter = {
  readonly status: DeadLetterStatus | null;
  readonly entity: string | null;
  readonly project: string | null;
  readonly code: string | null;
  /** Part of the message. */
  readonly reason: string | null;
  readonly from: Date | null;
  readonly to: Date | null;
};

/** What a replay changes of an event: each field that is not null. */
export type Mending = {
  readonly usageFormat: string | null;
  readonly subject: string | null;
  readonly time: string | null;
  readonly model: string | null;
};

/** What is asked of dead letters: their events go to the queue again, mended where that is asked for, or are given up. */
export type Resolution = {
  readonly status: 'replayed' | 'discarded';
  readonly actor: string;
  readonly mending: Mending | null;
};

/** A dead letter as it was when it was chosen: one that has arrived again since then was refused again, and is another matter. */
export type ChosenDeadLetter = Pick<DeadLetterRow, 'entity' | 'id' | 'seenCount' | 'status'>;
