/** Writes events to disk by group commit: while one fsync runs, the events of the next one gather. */
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { DiskFile } from './disk.js';
import { closedEarly, type PendingEvent } from './event-store.js';
import type { Segment } from './segment.js';

export interface SegmentWriterOptions {
  readonly create: () => Promise<{ path: string; file: DiskFile }>;
  /** Called when all of a sealed segment is on disk. */
  readonly onWritten: (segment: Segment) => void;
  readonly onFailure: (error: unknown) => void;
  readonly backoffMs: (failures: number) => number;
}

interface UnsyncedRecord {
  readonly segment: Segment;
  readonly event: PendingEvent;
  readonly bytes: Buffer;
}

/** A disk that hangs must not keep a process from ending. */
const LAST_WRITE_MS_MAX = 5000;

export class SegmentWriter {
  /** In the order of their segments. */
  private unsynced: UnsyncedRecord[] = [];
  private readonly closing = new AbortController();
  private writing: Promise<void> | null = null;

  constructor(private readonly options: SegmentWriterOptions) {}

  get unsyncedCount(): number {
    return this.unsynced.length;
  }

  write(record: UnsyncedRecord): void {
    record.segment.unsyncedCount += 1;
    this.unsynced.push(record);
    this.writing ??= this.writeAll();
  }

  /** While the disk fails, only what Tally does not have is worth the memory. */
  dropSettled(): void {
    this.drop(({ event }) => event.isSettled);
  }

  async closeFile(segment: Segment): Promise<void> {
    const { file } = segment;
    segment.file = null;
    await file?.close().catch(this.options.onFailure);
  }

  /** Tries once more to write what is left. What is then not on disk is lost with this process, and its report rejects. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.race([this.writing, wait(LAST_WRITE_MS_MAX, undefined, { ref: false })]);
    for (const { event } of this.unsynced.splice(0)) event.reject(closedEarly());
  }

  private async writeAll(): Promise<void> {
    // Events that are reported in the same turn share a write.
    await nextTurn();
    let failures = 0;
    for (let next = this.unsynced[0]; next !== undefined; next = this.unsynced[0]) {
      const { segment } = next;
      const group = this.unsynced.filter((record) => record.segment === segment);
      try {
        await this.writeGroup(segment, group);
        failures = 0;
      } catch (error) {
        this.options.onFailure(error);
        // The file may lack any part of the group, even if a later fsync succeeds, so the group goes to another file.
        await this.closeFile(segment);
        this.dropSettled();
        if (this.closing.signal.aborted) return;
        await this.pause(failures++);
      }
    }
    // In the same turn as the last look at the records, so that none arrives in between and is left unwritten.
    this.writing = null;
  }

  private async writeGroup(segment: Segment, group: readonly UnsyncedRecord[]): Promise<void> {
    segment.file ??= await this.createFile(segment);
    await segment.file.append(Buffer.concat(group.map((record) => record.bytes)));
    await segment.file.sync();
    const written = new Set(group);
    this.drop((record) => written.has(record));
    for (const { event } of group) {
      event.isOnDisk = true;
      event.resolve();
    }
    if (!segment.isSealed || segment.unsyncedCount > 0) return;
    this.options.onWritten(segment);
    await this.closeFile(segment);
  }

  private drop(isDone: (record: UnsyncedRecord) => boolean): void {
    for (const record of this.unsynced) if (isDone(record)) record.segment.unsyncedCount -= 1;
    this.unsynced = this.unsynced.filter((record) => !isDone(record));
  }

  private async createFile(segment: Segment): Promise<DiskFile> {
    const { path, file } = await this.options.create();
    segment.paths.push(path);
    return file;
  }

  private async pause(failures: number): Promise<void> {
    const ms = this.options.backoffMs(failures);
    if (ms > 0) await wait(ms, undefined, { signal: this.closing.signal }).catch(() => {});
  }
}
