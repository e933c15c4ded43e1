/**
 * Events that wait on disk: the end of the process loses none whose report had resolved. They are written to segments while
 * they are handed over, and a segment goes when Tally has all of it. Acknowledgements are not written down: after a crash,
 * what stands in the segments is sent again, and Tally counts it once.
 */
import { join } from 'node:path';
import type { Backlog, Entry } from './backlog.js';
import type { Disk } from './disk.js';
import { decodeSegment, encodeRecord } from './record.js';
import { foundSegment, isSettled, newSegment, type Segment } from './segment.js';
import { SegmentWriter } from './segment-writer.js';
import { TallyClientError } from './tally-client-error.js';
import type { UsageEvent } from './protocol/usage-event.js';

export interface DiskBacklogOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly directoryBytesMax: number;
  /** At most two segments are in memory: the one that is sent, and the one that is written. */
  readonly segmentBytesMax: number;
  /** Of events that no fsync has covered yet: they are in memory, too. */
  readonly waitingCountMax: number;
  /** How long a segment outlives its last acknowledgement. */
  readonly keepMs: number;
  readonly backoffMs: (failures: number) => number;
  readonly onFailure: (error: unknown) => void;
}

const SEGMENT_NAME = /^(\d{12})\.segment$/;
const READ_COUNT_MAX = 5;
const SWEEP_MS_MIN = 10;

export class DiskBacklog implements Backlog {
  /** Oldest first; new events go to the last one unless it is sealed. */
  private readonly segments: Segment[] = [];
  /** Those of which Tally has everything, oldest first. */
  private readonly settled: Segment[] = [];
  private readonly writer: SegmentWriter;
  private sweeping: NodeJS.Timeout | null = null;
  private discarding: Promise<unknown> = Promise.resolve();
  private closed = false;
  private bytes = 0;
  private lastNumber = 0;

  private constructor(private readonly options: DiskBacklogOptions) {
    this.writer = new SegmentWriter({
      ...options,
      create: () => this.createFile(),
      onWritten: (segment) => this.forget(segment),
    });
  }

  /** Finds what a former process has left behind. The directory must be this one's alone. */
  static async open(options: DiskBacklogOptions): Promise<DiskBacklog> {
    const backlog = new DiskBacklog(options);
    const files = await options.disk.list(options.directory);
    for (const { name, bytes } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const number = SEGMENT_NAME.exec(name)?.[1];
      if (number === undefined) continue;
      backlog.lastNumber = Number(number);
      backlog.bytes += bytes;
      backlog.segments.push(foundSegment(join(options.directory, name), bytes));
    }
    return backlog;
  }

  add(entry: Entry): void {
    const bytes = encodeRecord(entry.event);
    this.makeRoom(bytes.length);
    const segment = this.openSegment();
    segment.entries?.push(entry);
    segment.bytes += bytes.length;
    segment.sealed = segment.bytes >= this.options.segmentBytesMax;
    this.bytes += bytes.length;
    this.writer.write({ segment, entry, bytes });
  }

  async head(countMax: number): Promise<readonly Entry[]> {
    for (;;) {
      const segment = this.segments[0];
      if (segment === undefined) return [];
      segment.entries ??= await this.load(segment);
      const entries = segment.entries.slice(segment.settledCount, segment.settledCount + countMax);
      if (entries.length > 0 || !segment.sealed) return entries;
      this.settle(segment);
    }
  }

  remove(count: number): void {
    const segment = this.segments[0];
    if (segment === undefined) return;
    segment.settledCount += count;
    this.settle(segment);
  }

  get isEmpty(): boolean {
    const [segment] = this.segments;
    return segment === undefined || (this.segments.length === 1 && isSettled(segment));
  }

  fill(): number {
    const { directoryBytesMax, waitingCountMax } = this.options;
    return Math.max(this.bytes / directoryBytesMax, this.writer.unsyncedCount / waitingCountMax);
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.sweeping !== null) clearTimeout(this.sweeping);
    await this.writer.close();
    await this.discarding;
    for (const segment of [...this.settled, ...this.segments]) await this.writer.closeFile(segment);
  }

  /** What Tally has already makes way for what it has not. */
  private makeRoom(bytes: number): void {
    const { directory, directoryBytesMax, waitingCountMax } = this.options;
    const isFull = () => this.bytes + bytes > directoryBytesMax;
    if (isFull()) this.retire(() => true);
    while (isFull() && this.settled[0]?.unsyncedCount === 0) this.discardOldest();
    if (this.writer.unsyncedCount >= waitingCountMax) this.writer.dropSettled();
    const { unsyncedCount } = this.writer;
    if (!isFull() && unsyncedCount < waitingCountMax) return;
    const message = `${this.bytes} bytes of usage events are in ${directory}, and ${unsyncedCount} events wait for it`;
    throw new TallyClientError('outbox_full', message);
  }

  private openSegment(): Segment {
    const last = this.segments.at(-1);
    if (last !== undefined && !last.sealed) return last;
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

  /** From memory: whoever comes to it reads it again. The first one stays, since it is being sent. */
  private forget(segment: Segment): void {
    if (segment !== this.segments[0]) segment.entries = null;
  }

  private async load(segment: Segment): Promise<Entry[]> {
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
    return events.map((event) => ({ event, kept: true, settled: false, resolve() {}, reject() {} }));
  }

  private reportDamage(segment: Segment, where: string, cause?: unknown): void {
    segment.damaged = true;
    const message = `Usage events cannot be read from ${where}; the file will stay, as *.damaged`;
    this.options.onFailure(new TallyClientError('outbox_damaged', message, { cause }));
  }

  private settle(segment: Segment): void {
    segment.settledAtMs = performance.now();
    this.retire(({ sealed }) => sealed);
    this.sweep();
  }

  /** The first segment is the only one that can have been settled. */
  private retire(isDue: (segment: Segment) => boolean): void {
    const [segment] = this.segments;
    if (segment === undefined || !isSettled(segment) || !isDue(segment)) return;
    segment.sealed = true;
    segment.entries = [];
    this.settled.push(segment);
    this.segments.shift();
  }

  /** Deletes what Tally has had for long enough, and comes back for the rest. */
  private sweep(): void {
    const { keepMs } = this.options;
    const isOld = ({ settledAtMs }: Segment) => performance.now() - settledAtMs >= keepMs;
    this.retire(isOld);
    while (this.settled[0]?.unsyncedCount === 0 && isOld(this.settled[0])) this.discardOldest();
    const [first] = this.segments;
    const left = this.settled[0] ?? (first !== undefined && isSettled(first) ? first : null);
    if (left === null || this.sweeping !== null || this.closed) return;
    const dueMs = left.settledAtMs + keepMs - performance.now();
    this.sweeping = setTimeout(
      () => {
        this.sweeping = null;
        this.sweep();
      },
      Math.max(dueMs, SWEEP_MS_MIN),
    ).unref();
  }

  private discardOldest(): void {
    const segment = this.settled.shift();
    if (segment === undefined) return;
    this.bytes -= segment.bytes;
    const discarded = this.discard(segment).catch(this.options.onFailure);
    this.discarding = Promise.all([this.discarding, discarded]);
  }

  private async discard(segment: Segment): Promise<void> {
    const { disk } = this.options;
    await this.writer.closeFile(segment);
    for (const path of segment.paths) {
      await (segment.damaged ? disk.rename(path, `${path}.damaged`) : disk.remove(path));
    }
  }
}
