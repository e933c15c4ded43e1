/** Starts Tally and the gateway as processes of their own, and stops them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const START_MS_MAX = 150_000;
const STOP_MS_MAX = 30_000;
const POLL_MS = 100;

export type Running = { readonly url: string; stop(): Promise<void> };

type Program = {
  readonly name: string;
  /** Path of the compiled entry, relative to the project. */
  readonly entry: string;
  readonly url: string;
  /** The path that answers 200 once the program serves. */
  readonly ready: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where its log goes: a file, so that what the demo prints stays readable. */
  readonly logDir: string;
};

/** Resolves once the program answers. Throws, with the path of its log, when it ends or does not answer in time. */
export async function start(program: Program): Promise<Running> {
  mkdirSync(program.logDir, { recursive: true });
  const logFile = path.join(program.logDir, `${program.name}.log`);
  const log = openSync(logFile, 'w', 0o600);
  const child = spawn(process.execPath, [path.join(ROOT, program.entry)], {
    env: { ...process.env, ...program.env },
    stdio: ['ignore', log, log],
  });
  const deadlineMs = performance.now() + START_MS_MAX;
  while (!(await answers(program.url + program.ready))) {
    if (hasEnded(child))
      throw new Error(
        `${program.name} ended with ${child.signalCode ?? `code ${child.exitCode}`}; see ${logFile}`,
      );
    if (performance.now() > deadlineMs) {
      child.kill('SIGKILL');
      throw new Error(`${program.name} did not answer within ${START_MS_MAX / 1000} s; see ${logFile}`);
    }
    await pause(POLL_MS);
  }
  return { url: program.url, stop: () => stop(child) };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}

/** A process that a signal ended has no exit code. */
function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** The wanted port where it is free, otherwise any free port. */
export async function freePort(wanted: number): Promise<number> {
  return (await tryPort(wanted)) ?? (await tryPort(0))!;
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const { port: bound } = server.address() as { port: number };
      server.close(() => resolve(bound));
    });
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
