/** A primary and its synchronous standby behind a real HAProxy that asks, as Patroni's does, which of them takes writes. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../../../src/platform/embedded/embedded-postgres.js';
import { freePort } from '../../../../src/platform/embedded/server-process.js';
import { postgresPid } from '../../../support/data-dir.js';
import { aFaultProxy, type FaultProxy } from '../../../support/fault-proxy.js';
import { startHaproxy } from '../../../support/haproxy.js';
import { until } from '../../../support/until.js';

const run = promisify(execFile);

const STANDBY = 'standby';
/** The machine lives on, so nothing waits for the disk. A new standby asks for what was written while it was copied. */
const SETTINGS = { fsync: 'off', shared_buffers: '32MB', wal_keep_size: '512MB' };

/** Only a server that hangs comes near it. */
const ANSWER_MS_MAX = 60_000;

export type PostgresServers = {
  /** Leads to the one that takes writes. */
  readonly url: string;
  /** On a connection of its own; fails while nobody takes writes. */
  write(): Promise<void>;
  readonly sql: <Row = Record<string, unknown>>(text: string, values?: readonly unknown[]) => Promise<Row[]>;
  /**
   * For what is read when all is over: asks again where the connection breaks. HAProxy ends the sessions with a server whose check is
   * late, also where it was this process that was too busy to answer the check.
   */
  readonly books: Pick<PostgresServers, 'sql'>;
  /** SIGKILL: it does not come back. */
  killPrimary(): Promise<void>;
  promoteStandby(): Promise<void>;
  /** Makes a standby of the server that is the primary now, and commits wait for it from then on. */
  addStandby(): Promise<void>;
  drop(): Promise<void>;
};

/** One of the two places behind HAProxy. The server in it changes, and with it its port. */
type Place = { readonly door: FaultProxy; server: Server | null; readonly check: Check };
type Server = { readonly directory: string; readonly postgres: EmbeddedPostgres };
type Check = { readonly port: number; close(): Promise<void> };

export async function postgresServers(): Promise<PostgresServers> {
  const root = await mkdtemp(join(tmpdir(), 'tally-test-failover-'));
  await chmod(root, 0o711);
  const first = await startServer(root, 'server-0');
  let primary: Place = await aPlace(first);
  let other: Place = await aPlace(null);
  let made = 1;
  const [port, health] = [await freePort(), await freePort()];
  const proxy = await startHaproxy(
    configuration({ port, health, places: [primary, other] }),
    `http://127.0.0.1:${health}/up`,
  );
  const throughProxy = new URL(first.postgres.url);
  throughProxy.port = String(port);
  const url = throughProxy.href;
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  const sql: PostgresServers['sql'] = async (text, values = []) => (await pool.query(text, [...values])).rows;
  const servers: PostgresServers = {
    url,
    sql,
    books: {
      async sql<Row>(text: string, values?: readonly unknown[]) {
        let rows: Row[] = [];
        await until('Postgres answers', async () => {
          const answer = await sql<Row>(text, values).catch((error: Error) => {
            if (error instanceof pg.DatabaseError) throw error;
            return null;
          });
          rows = answer ?? [];
          return answer !== null;
        });
        return rows;
      },
    },
    write: async () => void (await ask(url, 'select pg_current_xact_id()')),
    async killPrimary() {
      const { directory, postgres } = primary.server!;
      process.kill(await postgresPid(directory), 'SIGKILL');
      await postgres.end();
      primary.server = null;
    },
    async promoteStandby() {
      [primary, other] = [other, primary];
      await ask(primary.server!.postgres.url, 'select pg_promote()');
    },
    async addStandby() {
      const from = primary.server!;
      const directory = `server-${made++}`;
      await copyOf(from, join(root, directory));
      const settings = { primary_conninfo: connectionInfo(from.postgres.url) };
      other.server = await startServer(root, directory, settings);
      other.door.aim(new URL(other.server.postgres.url));
      await ask(from.postgres.url, `alter system set synchronous_standby_names = '${STANDBY}'`);
      await ask(from.postgres.url, 'select pg_reload_conf()');
      await until('commits wait for the standby', async () => {
        const state = `select from pg_stat_replication where sync_state = 'sync' and state = 'streaming'`;
        return (await ask(from.postgres.url, state)).length === 1;
      });
    },
    async drop() {
      await pool.end();
      await proxy.stop();
      for (const { server, door, check } of [primary, other]) {
        await Promise.all([check.close(), door.close(), server?.postgres.end()]);
      }
      await rm(root, { recursive: true, force: true });
    },
  };
  await servers.addStandby();
  return servers;
}

async function startServer(
  root: string,
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const directory = join(root, name);
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o711);
  const options = { dataDir: directory, settings: { ...SETTINGS, ...settings }, log: () => {} };
  return { directory, postgres: await startEmbeddedPostgres(options) };
}

async function aPlace(server: Server | null): Promise<Place> {
  const door = await aFaultProxy(new URL(server?.postgres.url ?? 'postgresql://127.0.0.1:1'));
  const place = { door, server };
  return Object.assign(place, { check: await aCheck(() => place.server) });
}

/** Answers 200 while the server takes writes. */
async function aCheck(serverOf: () => Server | null): Promise<Check> {
  const takesWrites = async (): Promise<boolean> => {
    const server = serverOf();
    if (server === null) return false;
    const rows = await ask(server.postgres.url, 'select where not pg_is_in_recovery()').catch(() => []);
    return rows.length === 1;
  };
  const http = createServer((_, response) => {
    void takesWrites().then((does) => response.writeHead(does ? 200 : 503).end());
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    port: (http.address() as AddressInfo).port,
    async close() {
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };
}

/** A base backup: a copy of the files of a server that goes on, which the standby makes whole by what was written meanwhile. */
async function copyOf({ directory, postgres }: Server, target: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query(`select pg_backup_start('${STANDBY}', true)`);
    await mkdir(target);
    // Files of temporary tables come and go, and of the log nothing is needed.
    await run('tar', ['-C', directory, '--exclude=./postgres/pg_wal/*', '-cf', `${target}.tar`, '.']).catch(
      (error: { code: number; stderr: string }) => {
        if (!isAboutChange(error)) throw error;
      },
    );
    await run('tar', ['-C', target, '-xpf', `${target}.tar`]);
    await rm(`${target}.tar`);
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => false)',
    );
    const cluster = join(target, 'postgres');
    await rm(join(cluster, 'postmaster.pid'));
    // Once it is the primary, no commit waits for a standby that it does not have yet.
    const files = { backup_label: rows[0]!.labelfile, 'standby.signal': '', 'postgresql.auto.conf': '' };
    const { uid, gid } = await stat(join(cluster, 'PG_VERSION'));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(cluster, name), text);
      await chown(join(cluster, name), uid, gid);
    }
  } finally {
    await client.end();
  }
}

/** tar says so with 1, and with 2 where a file was gone before it was read. */
function isAboutChange({ code, stderr }: { code: number; stderr: string }): boolean {
  const lines = stderr.trim().split('\n');
  const isKnown =
    /file changed as we read it|File removed before we read it|No such file or directory|Exiting with failure/;
  return code <= 2 && lines.every((line) => isKnown.test(line));
}

function configuration(of: { port: number; health: number; places: readonly Place[] }): string {
  const servers = of.places.map(
    ({ door, check }, index) => `  server place${index} 127.0.0.1:${door.port} check port ${check.port}`,
  );
  return `
defaults
  mode http
  timeout connect 1s
  timeout check 5s
  timeout client 1h
  timeout server 1h

frontend health
  bind 127.0.0.1:${of.health}
  monitor-uri /up

frontend postgres
  mode tcp
  bind 127.0.0.1:${of.port}
  default_backend postgres

backend postgres
  mode tcp
  option httpchk GET /primary
  http-check expect status 200
  default-server check inter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}

function connectionInfo(url: string): string {
  const { hostname, port, username, password } = new URL(url);
  return `host=${hostname} port=${port} user=${username} password=${password} application_name=${STANDBY}`;
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
