/** An embedded PostgreSQL for installations without one: from npm's package, in the data directory, on a free port. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDatabaseOnce } from './database-creation.sql.js';
import { EmbeddedServerError, type Log } from './embedded-server-error.js';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.js';
import { clusterDirectory, initialiseCluster } from './postgres-cluster.js';
import { secretIn } from './secret-file.js';
import { endOrphan, freePort, type ServerProcess, startServerProcess, untilReady } from './server-process.js';
import { type ServerUser, serverUser } from './server-user.js';

const DATABASE = 'tally';
const SUPERUSER = 'tally';
const START_COUNT_MAX = 20;
const START_AGAIN_MS = 250;
/** After a crash it replays its log first, at most a `max_wal_size` of it. */
const READY_SECONDS_MAX = 180;
const READY_LINE = 7;
/** A standby answers reads. */
const SERVING: ReadonlySet<string | undefined> = new Set(['ready', 'standby']);

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

export interface EmbeddedPostgres {
  /** Of the database `tally`, as its superuser. */
  url: string;
  end(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** An absolute path that exists. */
  dataDir: string;
  /** Server settings that replace or join ours. */
  settings?: Readonly<Record<string, string>>;
  log: Log;
}

/** Starts it on the data of its last start, whatever state a crash left them in. */
export async function startEmbeddedPostgres({
  dataDir,
  settings,
  log,
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const user = await serverUser();
  const cluster = await clusterDirectory(dataDir, user, log);
  const binaries = await postgresBinaries(user, cluster);
  const password = await passwordOf(dataDir, cluster);
  await initialiseCluster({ cluster, binaries, user, superuser: { name: SUPERUSER, password } });
  const pidFile = join(cluster, 'postmaster.pid');
  if (await endOrphan({ pidFile, argument: cluster, signal: 'SIGINT' })) {
    log('ended the PostgreSQL that a killed process had left behind', { cluster });
  }
  const logFile = join(dataDir, 'postgres.log');
  const { server, port } = await start({
    binaries,
    user,
    cluster,
    logFile,
    settings: { ...SETTINGS, ...settings },
  });
  void server.ended.then(
    (how) => server.ending || log('PostgreSQL ended by itself', { how, log_file: logFile }),
  );
  const url = (database: string) => `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
  try {
    await createDatabaseOnce(url('postgres'), DATABASE);
  } catch (error) {
    await server.end();
    throw error;
  }
  return { url: url(DATABASE), end: () => server.end() };
}

/** A cluster whose password is lost stays closed: making up a new one would only hide that. */
async function passwordOf(dataDir: string, cluster: string): Promise<string> {
  const file = join(dataDir, 'postgres-password');
  const isMade = await fileExists(join(cluster, 'PG_VERSION'));
  if (isMade && !(await fileExists(file))) {
    throw new EmbeddedServerError(
      `${file} is missing, and ${cluster} needs its password: put the file back, or move ${cluster} away to start empty.`,
    );
  }
  return secretIn(file);
}

interface Start {
  binaries: PostgresBinaries;
  user: ServerUser | null;
  cluster: string;
  logFile: string;
  settings: Readonly<Record<string, string>>;
}

/**
 * Tries again where another program was faster at the port, and where workers of a server that was killed
 * are still on their way out.
 */
async function start(options: Start): Promise<{ server: ServerProcess; port: number }> {
  const { binaries, user, cluster, logFile, settings } = options;
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let printed = '';
  for (let attempt = 0; attempt < START_COUNT_MAX; attempt += 1) {
    const port = await freePort();
    const args = ['-D', cluster, '-p', String(port), ...flags];
    const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
    const server = startServerProcess({
      command: binaries.postgres,
      args,
      env,
      owner: user,
      logFile,
      endSignal: 'SIGINT',
    });
    const isReady = () => saysReady(join(cluster, 'postmaster.pid'), server.pid);
    if (await untilReady(server, { isReady, secondsMax: READY_SECONDS_MAX })) return { server, port };
    printed = `${await server.ended}\n${await readFile(logFile, 'utf8').catch(() => '')}`.trim();
    if (!/Address already in use|pre-existing shared memory/.test(printed)) break;
    await delay(START_AGAIN_MS);
  }
  throw new EmbeddedServerError(
    `PostgreSQL did not start on ${cluster}; it printed to ${logFile}: ${printed.slice(-2000)}`,
  );
}

/** It writes its own id and its state there, as pg_ctl knows it, so that nobody else's server is taken for ours. */
async function saysReady(pidFile: string, pid: number | undefined): Promise<boolean> {
  const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n');
  return lines[0] === String(pid) && SERVING.has(lines[READY_LINE]?.trim());
}

async function fileExists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
