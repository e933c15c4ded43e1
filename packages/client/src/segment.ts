/** A part of the outbox: some hundreds of events that are written, sent and deleted together. */
import type { Entry } from './backlog.js';
import type { DiskFile } from './disk.js';

export interface Segment {
  /** More than one after a disk error: what no fsync has covered is written again, to another file. */
  readonly paths: string[];
  /** Open while it is written to. */
  file: DiskFile | null;
  /** null while they are only on disk. */
  entries: Entry[] | null;
  bytes: number;
  /** How many of the first entries are settled. */
  settledCount: number;
  settledAtMs: number;
  /** How many of the last entries no fsync has covered. */
  unsyncedCount: number;
  /** Takes no more events. */
  sealed: boolean;
  readFailureCount: number;
  damaged: boolean;
}

export function newSegment(): Segment {
  return {
    paths: [],
    file: null,
    entries: [],
    bytes: 0,
    settledCount: 0,
    settledAtMs: 0,
    unsyncedCount: 0,
    sealed: false,
    readFailureCount: 0,
    damaged: false,
  };
}

/** As a former process has left it behind. */
export function foundSegment(path: string, bytes: number): Segment {
  return { ...newSegment(), paths: [path], bytes, entries: null, sealed: true };
}

export function isSettled({ entries, settledCount }: Segment): boolean {
  return entries !== null && settledCount >= entries.length;
}
