/** What the outbox does with a disk. Each call is durable as far as it says: a crash at any point leaves what was promised. */
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lockDirectory } from './directory-lock.js';

export interface Disk {
  /** Returns what releases the lock. Fails with `outbox_locked` while somebody else holds it. */
  lock(directory: string): Promise<() => Promise<void>>;
  /** The files in it. */
  list(directory: string): Promise<{ name: string; bytes: number }[]>;
  /** Makes a new file, whose name survives a crash. */
  create(path: string): Promise<DiskFile>;
  read(path: string): Promise<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

export interface DiskFile {
  append(bytes: Uint8Array): Promise<void>;
  /** When it resolves, what was appended so far survives a crash of the machine. */
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
