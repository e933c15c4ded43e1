/** An embedded Redis for installations without one: in the data directory, on a free port, with the append-only file on. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { EmbeddedServerError, type Log } from './embedded-server-error.js';
import type { RedisBinary } from './redis-binary.js';
import { endOrphan, freePort, type ServerProcess, startServerProcess, untilReady } from './server-process.js';

const START_COUNT_MAX = 5;
const START_AGAIN_MS = 100;
/** Reading a large append-only file takes a while. */
const READY_SECONDS_MAX = 180;

export interface EmbeddedRedis {
  url: string;
  port: number;
  pid: number;
  /** Resolves when the process is gone, for whatever reason. */
  ended: Promise<string>;
  end(): Promise<void>;
}

export interface EmbeddedRedisOptions {
  /** An absolute path; the server gets the directory `redis` in it. */
  dataDir: string;
  binary: RedisBinary;
  /** Null lets everybody on this machine in. */
  password: string | null;
  /** Where a server must come back under its old address; else a free one. */
  port?: number;
  log: Log;
}

/** Starts it on the data of its last start; the end of its log that a crash has cut off is dropped. */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { dataDir, binary, password, log } = options;
  const directory = join(dataDir, 'redis');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const configFile = join(directory, 'redis.conf');
  const pidFile = join(directory, 'redis.pid');
  if (await endOrphan({ pidFile, argument: configFile, signal: 'SIGTERM' })) {
    log('ended the Redis that a killed process had left behind', { directory });
  }
  const logFile = join(dataDir, 'redis.log');
  let printed = '';
  for (let attempt = 0; attempt < START_COUNT_MAX; attempt += 1) {
    const port = options.port ?? (await freePort());
    await writeFile(configFile, configuration({ directory, pidFile, port, password }), { mode: 0o600 });
    const server = startServerProcess({
      ...binary,
      args: [configFile],
      owner: null,
      logFile,
      endSignal: 'SIGTERM',
    });
    const isReady = () => answers({ port, password, pid: server.pid });
    if (await untilReady(server, { isReady, secondsMax: READY_SECONDS_MAX })) {
      return running({ server, port, password, logFile, log });
    }
    printed = `${await server.ended}\n${await readFile(logFile, 'utf8').catch(() => '')}`.trim();
    if (!printed.includes('Address already in use')) break;
    await delay(START_AGAIN_MS);
  }
  throw new EmbeddedServerError(
    `Redis did not start on ${directory}; it printed to ${logFile}: ${printed.slice(-2000)}`,
  );
}

interface Running {
  server: ServerProcess;
  port: number;
  password: string | null;
  logFile: string;
  log: Log;
}

function running({ server, port, password, logFile, log }: Running): EmbeddedRedis {
  void server.ended.then((how) => server.ending || log('Redis ended by itself', { how, log_file: logFile }));
  const account = password === null ? '' : `:${password}@`;
  return {
    url: `redis://${account}127.0.0.1:${port}`,
    port,
    pid: server.pid ?? 0,
    ended: server.ended,
    end: () => server.end(),
  };
}

/** In a file, as everybody can read a command line. Its title stays the command line, by which `endOrphan` knows it. */
function configuration(server: {
  directory: string;
  pidFile: string;
  port: number;
  password: string | null;
}): string {
  const lines = [
    'bind 127.0.0.1',
    `port ${server.port}`,
    `dir ${JSON.stringify(server.directory)}`,
    `pidfile ${JSON.stringify(server.pidFile)}`,
    'set-proc-title no',
    'appendonly yes',
    'appendfsync everysec',
    // The append-only file holds everything; a snapshot beside it would only cost a fork.
    'save ""',
    'maxmemory-policy noeviction',
  ];
  if (server.password !== null) lines.push(`requirepass ${server.password}`);
  return `${lines.join('\n')}\n`;
}

/** It must be the very process that we started: on the port of a failed start somebody else's server may answer. */
async function answers(server: {
  port: number;
  password: string | null;
  pid: number | undefined;
}): Promise<boolean> {
  const redis = new Redis({
    host: '127.0.0.1',
    port: server.port,
    ...(server.password === null ? {} : { password: server.password }),
    lazyConnect: true,
    retryStrategy: () => null,
    enableReadyCheck: true,
  });
  // `connect` reports the error too; without a listener ioredis would print it.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return (await redis.info('server')).includes(`process_id:${server.pid}\r\n`);
  } catch {
    return false;
  } finally {
    // After a failed attempt it has ended, and disconnecting would leave a timer of two seconds that holds the process.
    if (redis.status !== 'end') redis.disconnect();
  }
}
