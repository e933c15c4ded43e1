/** A database server as our child: out of reach of the terminal's signals, and never left behind when we die. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedServerError } from './embedded-server-error.js';
import { errnoOf } from '../errno.js';
import { processHasArgument } from './processes.js';

const END_SECONDS_MAX = 60;
const KILL_SECONDS_MAX = 10;
const POLL_MS = 20;
/** Above every pid_max, so it names no process. */
const NOBODY = 2_000_000_000;

export interface ServerCommand {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** The user to run as; only root may name another one. */
  owner: { uid: number; gid: number } | null;
  /** Everything the server prints, of this run only. */
  logFile: string;
  /** Ends it cleanly, without waiting for its clients. */
  endSignal: 'SIGINT' | 'SIGTERM';
}

export interface ServerProcess {
  readonly pid: number | undefined;
  /** Resolves with how the process ended. */
  readonly ended: Promise<string>;
  /** True once `end` was called: what comes after is no accident. */
  readonly ending: boolean;
  end(): Promise<void>;
}

/** Starts it in a session of its own, so that Ctrl-C reaches us alone and we end it after our work in flight. */
export function startServerProcess({
  command,
  args,
  env,
  owner,
  logFile,
  endSignal,
}: ServerCommand): ServerProcess {
  const log = openSync(logFile, 'w', 0o600);
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env,
    cwd: '/',
    ...owner,
  });
  closeSync(log);
  child.unref();
  const ended = endOf(child);
  const stopWatching = child.pid === undefined ? () => undefined : endWithUs(child.pid, endSignal);
  void ended.then(stopWatching);
  let ending = false;
  return {
    pid: child.pid,
    ended,
    get ending() {
      return ending;
    },
    async end() {
      ending = true;
      child.ref();
      child.kill(endSignal);
      if (await isDone(ended, END_SECONDS_MAX)) return;
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/**
 * A shell waits for our end of its pipe to close, which happens however we die, and then ends the server. A line
 * on the pipe calls it off.
 */
function endWithUs(pid: number, signal: 'SIGINT' | 'SIGTERM'): () => void {
  const script = 'read -r line || kill -s "$1" "$2"';
  const args = ['-c', script, 'sh', signal.slice(3), String(pid)];
  const watcher = spawn('/bin/sh', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  watcher.on('error', () => undefined);
  watcher.stdin.on('error', () => undefined);
  watcher.unref();
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  return () => watcher.stdin.end('done\n');
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
}

async function isDone(promise: Promise<unknown>, secondsMax: number): Promise<boolean> {
  const timer = new AbortController();
  const late = delay(secondsMax * 1000, false, { signal: timer.signal }).catch(() => false);
  const done = await Promise.race([promise.then(() => true), late]);
  timer.abort();
  return done;
}

/** Resolves with true as soon as `isReady` says so, with false if the server ended first. */
export async function untilReady(
  server: ServerProcess,
  { isReady, secondsMax }: { isReady: () => Promise<boolean>; secondsMax: number },
): Promise<boolean> {
  const deadline = performance.now() + secondsMax * 1000;
  const state = { ended: false };
  void server.ended.then(() => (state.ended = true));
  while (performance.now() < deadline) {
    if (state.ended) return false;
    if (await isReady()) return true;
    await delay(POLL_MS);
  }
  await server.end();
  return false;
}

/**
 * Ends the server that a killed process left behind, so that two never share one directory. The id in the file counts
 * only if that process was started with `argument`, which holds our directory.
 */
export async function endOrphan({
  pidFile,
  argument,
  signal,
}: {
  pidFile: string;
  argument: string;
  signal: 'SIGINT' | 'SIGTERM';
}): Promise<boolean> {
  const [line = '', ...others] = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n');
  const pid = Number(line);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (!(await processHasArgument(pid, argument))) {
    // Somebody else may have the id by now, which Postgres would take for a running server. The other lines stay:
    // by them it finds workers of a killed server that still write.
    await writeFile(pidFile, [String(NOBODY), ...others].join('\n'));
    return false;
  }
  const isOurs = trySignal(pid, signal);
  if (isOurs && (await isGone({ pid, argument }, END_SECONDS_MAX))) return true;
  if (isOurs && trySignal(pid, 'SIGKILL') && (await isGone({ pid, argument }, KILL_SECONDS_MAX))) return true;
  throw new EmbeddedServerError(
    `Process ${pid}, named by ${pidFile}, does not end: end it by hand and start again.`,
  );
}

/** False if the process belongs to another user. True if it has already ended. */
function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    return errnoOf(error) === 'ESRCH';
  }
}

async function isGone(server: { pid: number; argument: string }, secondsMax: number): Promise<boolean> {
  const deadline = performance.now() + secondsMax * 1000;
  while (performance.now() < deadline) {
    if (!(await processHasArgument(server.pid, server.argument))) return true;
    await delay(POLL_MS);
  }
  return false;
}

/** A port that nobody listens on now. Another program may take it before the server does: then the caller tries again. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error()),
      );
    });
  });
}
