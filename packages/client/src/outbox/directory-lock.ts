/**
 * Lets one process at a time use a directory. The lock is a Unix socket on which its owner listens. It ends with the process,
 * however that ends, and another container on the same machine sees it too, where a process id would mean another process.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { TallyClientError } from '../tally-client-error.js';

const ATTEMPT_COUNT_MAX = 5;
/** The longest path that fits into a socket's address on every system. */
const PATH_BYTES_MAX = 103;

/**
 * Makes the directory where it is missing, and returns what releases the lock. Fails with `outbox_locked` while another
 * process, or another reporter in this one, holds it.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'lock.sock');
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw new TallyClientError(
      'outbox_locked',
      `${path} is too long for a socket: choose a shorter directory`,
    );
  }
  for (let attempt = 0; attempt < ATTEMPT_COUNT_MAX; attempt += 1) {
    const server = await listen(path);
    if (server !== null) return () => close(server);
    const inode = await inodeOf(path);
    if (inode === null) continue;
    if (await hasListener(path)) break;
    await removeIfStill(path, inode);
  }
  throw new TallyClientError('outbox_locked', `Another process keeps its usage events in ${directory}`);
}

async function listen(path: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy()).unref();
  server.listen(path);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return null;
    throw error;
  }
}

/** Node removes the socket's file with it. */
async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

/** The kernel refuses a connection to a socket on which nobody listens any more. */
async function hasListener(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    return codeOf(error) !== 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

/** Moves the file aside before it looks: if another process was faster, the file is that process's lock and goes back. */
async function removeIfStill(path: string, inode: bigint): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  const isMoved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!isMoved) return;
  if ((await inodeOf(aside)) !== inode) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function inodeOf(path: string): Promise<bigint | null> {
  return stat(path, { bigint: true }).then(
    ({ ino }) => ino,
    () => null,
  );
}

/** Looks at the object, not at its class, which differs between Node's contexts. */
function codeOf(error: unknown): unknown {
  return error !== null && typeof error === 'object' && 'code' in error ? error.code : undefined;
}
