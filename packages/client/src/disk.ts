/** What the outbox does with a disk, each call durable as far as it says: a crash at any point leaves what was promised. */
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lockDirectory } from './directory-lock.js';

export interface Disk {
  /** Fails with `outbox_locked` while somebody else has it; returns what releases it. */
  lock(directory: string): Promise<() => Promise<void>>;
  /** The files in it. */
  list(directory: string): Promise<{ name: string; bytes: number }[]>;
  /** A new file, whose name survives a crash. */
  create(path: string): Promise<DiskFile>;
  read(path: string): Promise<Buffer>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

export interface DiskFile {
  append(bytes: Buffer): Promise<void>;
  /** What was appended so far survives a crash of the machine. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export const realDisk: Disk = {
  lock: lockDirectory,
  async list(directory) {
    const names = await readdir(directory);
    return Promise.all(
      names.map(async (name) => ({ name, bytes: (await stat(join(directory, name))).size })),
    );
  },
  async create(path) {
    const file = await open(path, 'ax', 0o600);
    await syncDirectory(dirname(path));
    return {
      append: (bytes) => file.appendFile(bytes),
      sync: () => file.datasync(),
      close: () => file.close(),
    };
  },
  read: (path) => readFile(path),
  rename,
  remove: (path) => rm(path, { force: true }),
};

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
