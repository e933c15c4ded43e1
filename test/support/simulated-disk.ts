/** A disk that loses in a crash everything that no fsync has covered, as the worst real one may. */
import type { Disk, DiskFile } from '../../packages/client/src/outbox/disk.js';

export type Fault = 'none' | 'fails' | 'fails half way';

interface SimulatedFile {
  bytes: Buffer;
  syncedLength: number;
}

export class SimulatedDisk implements Disk {
  private isDead = false;
  /** Deleted files that a crash may bring back, because no fsync has covered the directory. */
  private readonly removed = new Map<string, SimulatedFile>();

  /** `operate` is awaited before each operation takes effect, and decides how it ends. */
  constructor(
    private readonly operate: (operation: string) => Promise<Fault>,
    readonly files = new Map<string, SimulatedFile>(),
  ) {}

  /** Ends the process: nothing that it began takes effect any more. Returns the disk that the next process finds. */
  crash(choose: { length(min: number, max: number): number; returns(): boolean }): SimulatedDisk {
    this.isDead = true;
    const found = new Map<string, SimulatedFile>();
    for (const [path, { bytes, syncedLength }] of this.files) {
      const length = choose.length(syncedLength, bytes.length);
      found.set(path, { bytes: bytes.subarray(0, length), syncedLength: length });
    }
    for (const [path, file] of this.removed) if (choose.returns()) found.set(path, file);
    return new SimulatedDisk(this.operate, found);
  }

  async lock(): Promise<() => Promise<void>> {
    return async () => {};
  }

  async list(directory: string): Promise<{ name: string; bytes: number }[]> {
    return [...this.files].map(([path, { bytes }]) => ({
      name: path.slice(directory.length + 1),
      bytes: bytes.length,
    }));
  }

  async create(path: string): Promise<DiskFile> {
    await this.begin('create');
    const file: SimulatedFile = { bytes: Buffer.alloc(0), syncedLength: 0 };
    this.files.set(path, file);
    return {
      append: async (bytes) => {
        const half = await this.begin('append').then(
          () => null,
          (error: unknown) => error,
        );
        if (half !== null && !(half instanceof HalfWay)) throw half;
        file.bytes = Buffer.concat([file.bytes, half === null ? bytes : bytes.subarray(0, bytes.length / 2)]);
        if (half !== null) throw half;
      },
      sync: async () => {
        const length = file.bytes.length;
        await this.begin('sync').catch((error: unknown) => {
          // A failed fsync loses what it should have covered, and the next fsync does not report that.
          file.bytes = Buffer.concat([
            file.bytes.subarray(0, file.syncedLength),
            file.bytes.subarray(length),
          ]);
          throw error;
        });
        file.syncedLength = length;
      },
      close: async () => {},
    };
  }

  async read(path: string): Promise<Buffer> {
    await this.begin('read');
    return this.files.get(path)?.bytes ?? Buffer.alloc(0);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.begin('rename');
    this.move(from, (file) => this.files.set(to, file));
  }

  async remove(path: string): Promise<void> {
    await this.begin('remove');
    this.move(path, (file) => this.removed.set(path, file));
  }

  private move(path: string, put: (file: SimulatedFile) => void): void {
    const file = this.files.get(path);
    if (file === undefined) return;
    this.files.delete(path);
    put(file);
  }

  private async begin(operation: string): Promise<void> {
    if (this.isDead) await new Promise(() => {});
    const fault = await this.operate(operation);
    if (this.isDead) await new Promise(() => {});
    if (fault === 'fails half way') throw new HalfWay(`${operation} failed half way`);
    if (fault === 'fails') throw new Error(`${operation} failed`);
  }
}

class HalfWay extends Error {}
