/** A part of the outbox on disk: some hundreds of events that are written, sent and deleted together. */
import type { DiskFile } from './disk.js';
import type { PendingEvent } from './event-store.js';

export interface Segment {
  /** More than one after a disk error: what no fsync has covered is written again, to another file. */
  readonly paths: string[];
  /** Open while events are written to it. */
  file: DiskFile | null;
  /** Null while they are only on disk. */
  events: PendingEvent[] | null;
  bytes: number;
  /** How many of the first events are settled. */
  settledCount: number;
  settledAtMs: number;
  /** How many of the last events no fsync has covered. */
  unsyncedCount: number;
  /** Takes no more events. */
  isSealed: boolean;
  isDamaged: boolean;
  readFailureCount: number;
}

export function newSegment(): Segment {
  return {
    paths: [],
    file: null,
    events: [],
    bytes: 0,
    settledCount: 0,
    settledAtMs: 0,
    unsyncedCount: 0,
    isSealed: false,
    isDamaged: false,
    readFailureCount: 0,
  };
}

/** A file that an earlier process left behind. */
export function foundSegment(path: string, bytes: number): Segment {
  return { ...newSegment(), paths: [path], bytes, events: null, isSealed: true };
}

export function isSettled({ events, settledCount }: Segment): boolean {
  return events !== null && settledCount >= events.length;
}
