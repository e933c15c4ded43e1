/** The real service, `node dist/main.js`, as a process of its own that a test may end in every way a machine can end it. */
import { randomBytes } from 'node:crypto';
import { fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '../../src/config.js';
import { startServerProcess } from '../../src/platform/embedded/server-process.js';
import { ADMIN_KEY, callerOf, type TestApp } from './app.js';
import { clearOfMonthEnd } from './month-end.js';
import { until } from './until.js';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const START_SECONDS_MAX = 180;

export type ServiceProcess = {
  readonly role: Role;
  readonly url: string;
  readonly pid: number;
  readonly call: TestApp['call'];
  readonly isRunning: boolean;
  /** SIGKILL: it ends at once, in the middle of whatever it does. */
  kill(): Promise<void>;
  /** SIGSTOP: to everybody else it is as if its machine stood still. */
  freeze(): void;
  /** SIGCONT: it goes on as if no time had passed. */
  thaw(): void;
  /** SIGTERM: it ends in order; resolves with how, `exit code 0` where all is well. */
  stop(): Promise<string>;
  /** What it has printed so far. */
  log(): string;
};

export type ServiceOptions = {
  readonly role: Role;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly environment?: Readonly<Record<string, string>>;
};

/** Resolves when it listens. It ends with the test's process at the latest. */
export async function startService(options: ServiceOptions): Promise<ServiceProcess> {
  await clearOfMonthEnd();
  const logFile = join(tmpdir(), `tally-test-service-${randomBytes(8).toString('hex')}.log`);
  const server = startServerProcess({
    command: process.execPath,
    args: ['--enable-source-maps', MAIN],
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      // No load balancer looks.
      DRAIN_SECONDS: '0',
      ROLE: options.role,
      ADMIN_API_KEY: ADMIN_KEY,
      DATABASE_URL: options.databaseUrl,
      REDIS_URL: options.redisUrl,
      ...options.environment,
    },
    owner: null,
    logFile,
    endSignal: 'SIGTERM',
  });
  const printed = openSync(logFile, 'r');
  // What is open stays readable, and no crash of a test leaves it behind.
  rmSync(logFile);
  let how: string | null = null;
  void server.ended.then((end) => (how = end));
  const log = () => readAll(printed);
  const signal = (name: NodeJS.Signals) => {
    if (how === null) process.kill(server.pid!, name);
  };
  const isListening = () => {
    if (how !== null) throw new Error(`the service did not start (${how}): ${log()}`);
    return urlIn(log()) !== null;
  };
  await until('the service listens', isListening, START_SECONDS_MAX).catch((error: unknown) => {
    signal('SIGKILL');
    throw error;
  });
  const url = urlIn(log())!;
  return {
    role: options.role,
    url,
    pid: server.pid!,
    log,
    call: callerOf(url),
    get isRunning() {
      return how === null;
    },
    async kill() {
      signal('SIGKILL');
      await server.ended;
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async stop() {
      signal('SIGTERM');
      // Nothing else may keep this process awake until the service has ended.
      const awake = setInterval(() => {}, 1_000);
      return server.ended.finally(() => clearInterval(awake));
    },
  };
}

function urlIn(log: string): string | null {
  return /"url":"(http:[^"]+)"[^\n]*"msg":"listening"/.exec(log)?.[1] ?? null;
}

function readAll(file: number): string {
  const buffer = Buffer.alloc(fstatSync(file).size);
  readSync(file, buffer, 0, buffer.length, 0);
  return buffer.toString('utf8');
}
