/**
 * One process at a time in a directory: a file names the owner, and a dead owner's file is taken over. The client's outbox has a lock
 * of its own, a socket, because two containers may share its directory. Here the error must name the owner, which a socket cannot tell.
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedServerError } from './embedded-server-error.js';
import { errnoOf } from '../errno.js';
import { startOfProcess } from './processes.js';

const ATTEMPT_COUNT_MAX = 5;

/** Fails with a message that names the owner while another process, or another caller in this one, holds the lock. */
export async function lockDirectory(directory: string): Promise<{ release(): Promise<void> }> {
  const file = join(directory, 'lock');
  const mine = JSON.stringify({
    pid: process.pid,
    started: await startOfProcess(process.pid),
    token: randomBytes(8).toString('hex'),
  });
  for (let attempt = 0; attempt < ATTEMPT_COUNT_MAX; attempt += 1) {
    if (await put(file, mine)) return { release: () => removeIfStill(file, mine) };
    const theirs = await readFile(file, 'utf8').catch(() => null);
    if (theirs === null) continue;
    const owner = await livingOwner(theirs);
    if (owner !== null) throw new EmbeddedServerError(lockedMessage(directory, owner));
    await removeIfStill(file, theirs);
  }
  throw new EmbeddedServerError(`${file} changes all the time: start one process at a time on ${directory}.`);
}

function lockedMessage(directory: string, pid: number): string {
  return (
    `Process ${pid} already runs the embedded servers in ${directory}. ` +
    'Stop it first, give this process a DATA_DIR of its own, or set DATABASE_URL and REDIS_URL (see servers.json there).'
  );
}

/** A link appears whole or not at all, so that nobody ever reads half a lock. */
async function put(file: string, content: string): Promise<boolean> {
  const draft = draftOf(file);
  await writeFile(draft, content, { mode: 0o600 });
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Moves the file aside before it looks: if another process was faster, the lock is its lock by now and goes back. */
async function removeIfStill(file: string, content: string): Promise<void> {
  const aside = draftOf(file);
  const moved = await rename(file, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  if ((await readFile(aside, 'utf8')) !== content) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

function draftOf(file: string): string {
  return `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
}

async function livingOwner(content: string): Promise<number | null> {
  const owner = parseOwner(content);
  if (owner === null) return null;
  return (await startOfProcess(owner.pid)) === owner.started ? owner.pid : null;
}

/** Half a file after a power cut names nobody. */
function parseOwner(content: string): { pid: number; started: string } | null {
  const match = /^\{"pid":(\d+),"started":"([^"]*)"/.exec(content);
  return match?.[1] === undefined || match[2] === undefined
    ? null
    : { pid: Number(match[1]), started: match[2] };
}
