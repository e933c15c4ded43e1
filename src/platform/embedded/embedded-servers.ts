/** PostgreSQL and Redis of our own, so that `npm start` needs nothing installed and nothing configured. */
import { mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lockDirectory } from './directory-lock.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { startEmbeddedRedis } from './embedded-redis.js';
import type { Log } from './embedded-server-error.js';
import { findRedis } from './redis-binary.js';
import { secretIn } from './secret-file.js';

export interface EmbeddedServersOptions {
  /** `DATA_DIR`: made if it is missing; it belongs to one process at a time. */
  dataDir: string;
  postgres: boolean;
  redis: boolean;
  log: Log;
}

export interface EmbeddedServers {
  databaseUrl: string | null;
  redisUrl: string | null;
  /** Ends them cleanly; the data stay. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

interface Started {
  url: string;
  end(): Promise<void>;
}

/** Starts what is asked for, or nothing: an `EmbeddedServerError` says what to do. */
export async function startEmbeddedServers(options: EmbeddedServersOptions): Promise<EmbeddedServers> {
  const { log } = options;
  await mkdir(options.dataDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const lock = await lockDirectory(dataDir);
  const file = join(dataDir, 'servers.json');
  const starts = await Promise.allSettled([
    options.postgres ? startEmbeddedPostgres({ dataDir, log }) : Promise.resolve(null),
    options.redis ? startRedis(dataDir, log) : Promise.resolve(null),
  ]);
  const [postgres, redis] = starts.map((start) => (start.status === 'fulfilled' ? start.value : null));
  const stopAll = () => stop({ servers: [postgres, redis], file, lock });
  const failure = starts.find((start) => start.status === 'rejected');
  if (failure !== undefined) {
    await stopAll();
    throw failure.reason;
  }
  const urls = { databaseUrl: postgres?.url ?? null, redisUrl: redis?.url ?? null };
  await writeFile(file, jsonOf(urls), { mode: 0o600 });
  let stopped: Promise<void> | null = null;
  return { ...urls, stop: () => (stopped ??= stopAll()) };
}

async function startRedis(dataDir: string, log: Log): Promise<Started> {
  const binary = await findRedis({ cacheDir: join(dataDir, 'redis-binary'), log });
  const password = await secretIn(join(dataDir, 'redis-password'));
  return startEmbeddedRedis({ dataDir, binary, password, log });
}

/** For people and scripts that want to look into them while they run. */
function jsonOf({ databaseUrl, redisUrl }: { databaseUrl: string | null; redisUrl: string | null }): string {
  return `${JSON.stringify({ database_url: databaseUrl, redis_url: redisUrl }, null, 2)}\n`;
}

/** The lock goes last: who gets it finds no server running. */
async function stop(running: {
  servers: (Started | null | undefined)[];
  file: string;
  lock: { release(): Promise<void> };
}): Promise<void> {
  await rm(running.file, { force: true });
  await Promise.all(running.servers.map(async (server) => server?.end()));
  await running.lock.release();
}
