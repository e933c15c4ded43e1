/**
 * Events that wait on disk: when the process ends, no event is lost whose report had resolved. Events are written to segments
 * while they are sent, and a segment is deleted when Tally has all of it. Acknowledgements are not written down: after a
 * crash, what is in the segments is sent again, and Tally counts it once.
 */
import { join } from 'node:path';
import type { UsageEvent } from '../protocol/usage-event.js';
import { TallyClientError } from '../tally-client-error.js';
import type { Disk } from './disk.js';
import type { EventStore, PendingEvent } from './event-store.js';
import { decodeSegment, encodeRecord } from './segment-format.js';
import { foundSegment, isSettled, newSegment, type Segment } from './segment.js';
import { SegmentWriter } from './segment-writer.js';

export interface DiskStoreOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly directoryBytesMax: number;
  /** At most two segments are in memory: the one that is being sent, and the one that is being written. */
  readonly segmentBytesMax: number;
  /** The most events that no fsync has covered yet: those are in memory, too. */
  readonly waitingCountMax: number;
  /** How long a segment is kept after Tally has acknowledged all of it. */
  readonly keepMs: number;
  readonly backoffMs: (failures: number) => number;
  readonly onFailure: (error: unknown) => void;
}

const SEGMENT_NAME = /^(\d{12})\.segment$/;
const READ_COUNT_MAX = 5;
const SWEEP_MS_MIN = 10;

export class DiskStore implements EventStore {
  /** Oldest first; new events go to the last one unless it is sealed. */
  private readonly segments: Segment[] = [];
  /** Segments of which Tally has everything, oldest first. */
  private readonly settled: Segment[] = [];
  private readonly writer: SegmentWriter;
  private sweepTimer: NodeJS.Timeout | null = null;
  private deleting: Promise<unknown> = Promise.resolve();
  private isClosed = false;
  private bytes = 0;
  private lastNumber = 0;

  private constructor(private readonly options: DiskStoreOptions) {
    this.writer = new SegmentWriter({
      ...options,
      create: () => this.createFile(),
      onWritten: (segment) => this.unload(segment),
    });
  }

  /** Finds what an earlier process left behind. Nobody else may use the directory. */
  static async open(options: DiskStoreOptions): Promise<DiskStore> {
    const store = new DiskStore(options);
    const files = await options.disk.list(options.directory);
    for (const { name, bytes } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const number = SEGMENT_NAME.exec(name)?.[1];
      if (number === undefined) continue;
      store.lastNumber = Number(number);
      store.bytes += bytes;
      store.segments.push(foundSegment(join(options.directory, name), bytes));
    }
    return store;
  }

  add(event: PendingEvent): void {
    const bytes = encodeRecord(event.event);
    this.makeRoom(bytes.length);
    const segment = this.segmentForNewEvents();
    segment.events?.push(event);
    segment.bytes += bytes.length;
    segment.isSealed = segment.bytes >= this.options.segmentBytesMax;
    this.bytes += bytes.length;
    this.writer.write({ segment, event, bytes });
  }

  async oldest(countMax: number): Promise<readonly PendingEvent[]> {
    for (;;) {
      const segment = this.segments[0];
      if (segment === undefined) return [];
      segment.events ??= await this.load(segment);
      const events = segment.events.slice(segment.settledCount, segment.settledCount + countMax);
      if (events.length > 0 || !segment.isSealed) return events;
      this.settle(segment);
    }
  }

  removeOldest(count: number): void {
    const segment = this.segments[0];
    if (segment === undefined) return;
    segment.settledCount += count;
    this.settle(segment);
  }

  get isEmpty(): boolean {
    const [segment] = this.segments;
    return segment === undefined || (this.segments.length === 1 && isSettled(segment));
  }

  fillRatio(): number {
    const { directoryBytesMax, waitingCountMax } = this.options;
    return Math.max(this.bytes / directoryBytesMax, this.writer.unsyncedCount / waitingCountMax);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    if (this.sweepTimer !== null) clearTimeout(this.sweepTimer);
    await this.writer.close();
    await this.deleting;
    for (const segment of [...this.settled, ...this.segments]) await this.writer.closeFile(segment);
  }

  /** What Tally has already makes room for what it does not have. */
  private makeRoom(bytes: number): void {
    const { directory, directoryBytesMax, waitingCountMax } = this.options;
    const isFull = () => this.bytes + bytes > directoryBytesMax;
    if (isFull()) this.retireFirst(() => true);
    while (isFull() && this.settled[0]?.unsyncedCount === 0) this.deleteOldest();
    if (this.writer.unsyncedCount >= waitingCountMax) this.writer.dropSettled();
    const { unsyncedCount } = this.writer;
    if (!isFull() && unsyncedCount < waitingCountMax) return;
    const message = `${this.bytes} bytes of usage events are in ${directory}, and ${unsyncedCount} events wait for it`;
    throw new TallyClientError('outbox_full', message);
  }

  private segmentForNewEvents(): Segment {
    const last = this.segments.at(-1);
    if (last !== undefined && !last.isSealed) return last;
    const segment = newSegment();
    this.segments.push(segment);
    return segment;
  }

  private async createFile() {
    const { disk, directory } = this.options;
    this.lastNumber += 1;
    const path = join(directory, `${String(this.lastNumber).padStart(12, '0')}.segment`);
    return { path, file: await disk.create(path) };
  }

  /** Frees the memory; `oldest` reads the file again. The first segment stays, since it is being sent. */
  private unload(segment: Segment): void {
    if (segment !== this.segments[0]) segment.events = null;
  }

  private async load(segment: Segment): Promise<PendingEvent[]> {
    const events: UsageEvent[] = [];
    try {
      for (const path of segment.paths) {
        const decoded = decodeSegment(await this.options.disk.read(path));
        events.push(...decoded.events);
        for (const offset of decoded.damagedOffsets) this.reportDamage(segment, `${path} at byte ${offset}`);
      }
    } catch (error) {
      segment.readFailureCount += 1;
      if (segment.readFailureCount < READ_COUNT_MAX) throw error;
      // A file that cannot be read must not hold up all that come after it.
      this.reportDamage(segment, segment.paths.join(', '), error);
    }
    return events.map((event) => ({ event, isOnDisk: true, isSettled: false, resolve() {}, reject() {} }));
  }

  private reportDamage(segment: Segment, where: string, cause?: unknown): void {
    segment.isDamaged = true;
    const message = `Usage events cannot be read from ${where}; the file is kept as *.damaged`;
    this.options.onFailure(new TallyClientError('outbox_damaged', message, { cause }));
  }

  private settle(segment: Segment): void {
    segment.settledAtMs = performance.now();
    this.retireFirst(({ isSealed }) => isSealed);
    this.sweep();
  }

  /** Moves the first segment to the settled ones, where it is settled and due. No other segment can be settled. */
  private retireFirst(isDue: (segment: Segment) => boolean): void {
    const [segment] = this.segments;
    if (segment === undefined || !isSettled(segment) || !isDue(segment)) return;
    segment.isSealed = true;
    segment.events = [];
    this.settled.push(segment);
    this.segments.shift();
  }

  /** Deletes what Tally has had for `keepMs`, and comes back for the rest. */
  private sweep(): void {
    const { keepMs } = this.options;
    const isOld = ({ settledAtMs }: Segment) => performance.now() - settledAtMs >= keepMs;
    this.retireFirst(isOld);
    while (this.settled[0]?.unsyncedCount === 0 && isOld(this.settled[0])) this.deleteOldest();
    const [first] = this.segments;
    const left = this.settled[0] ?? (first !== undefined && isSettled(first) ? first : null);
    if (left === null || this.sweepTimer !== null || this.isClosed) return;
    const dueMs = left.settledAtMs + keepMs - performance.now();
    this.sweepTimer = setTimeout(
      () => {
        this.sweepTimer = null;
        this.sweep();
      },
      Math.max(dueMs, SWEEP_MS_MIN),
    ).unref();
  }

  private deleteOldest(): void {
    const segment = this.settled.shift();
    if (segment === undefined) return;
    this.bytes -= segment.bytes;
    const deleted = this.delete(segment).catch(this.options.onFailure);
    this.deleting = Promise.all([this.deleting, deleted]);
  }

  /** A damaged file is kept under another name, for a person to look at. */
  private async delete(segment: Segment): Promise<void> {
    const { disk } = this.options;
    await this.writer.closeFile(segment);
    for (const path of segment.paths) {
      await (segment.isDamaged ? disk.rename(path, `${path}.damaged`) : disk.remove(path));
    }
  }
}
