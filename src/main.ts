/** Boot and shutdown, nothing else. */
import 'reflect-metadata';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addressesOf } from './http/root.controller.js';
import { createApp } from './app.module.js';
import { ConfigError, readConfig, type Config } from './config.js';
import { ensureFirstAdminKey } from './access/first-admin-key.js';
import { Readiness } from './http/readiness.js';
import { Clock } from './platform/clock.js';
import { schemaOf, trustsAnyCertificate } from './platform/database-address.js';
import { EmbeddedServerError } from './platform/embedded/embedded-server-error.js';
import { startEmbeddedServers } from './platform/embedded/embedded-servers.js';
import { tellWhere } from './platform/embedded/service-file.js';
import { Logger, type Identity } from './platform/logger.js';
import {
  applyMigrations,
  MigrationError,
  requireMigrated,
  strayingSessions,
  type Migrated,
} from './platform/migrate.js';
import { isUnavailable } from './platform/unavailable.js';
import { logWhatIsPrinted } from './platform/process-log.js';
import {
  connectAll,
  disconnectAll,
  logOutages,
  RedisStartError,
  untilAllServe,
  type RedisConnections,
  type RedisSettings,
} from './platform/redis-connections.js';
import { openTracing, type Tracing } from './platform/tracing.js';
import { VERSION } from './platform/version.js';
import type { OtlpSettings } from './otlp-settings.js';
import { Deadlines } from './platform/deadline.js';
import { Database, type DatabaseOptions } from './platform/database.js';
import { isPooled } from './platform/pooled-sessions.js';
import { asService, mayServe, schemaOfSessions, SERVICE_ROLE, takesRole } from './platform/service-role.js';
import { ensureFirstPlans } from './accounts/first-plans.js';
import { ensureFirstPrices } from './prices/first-prices.js';

const PRISMA = new URL('../prisma/', import.meta.url);
const migrationsDir = fileURLToPath(new URL('migrations', PRISMA));

/** Migrations need none, so none is started for them. */
const NO_REDIS = 'redis://none';
/** How long a start may take to notice a stop. */
const STOP_NOTICED_MS_MAX = 10_000;
/** How long a stop may take: orchestrators usually kill after 30 s. Jobs that are cut off run again elsewhere. */
const STOP_MS_MAX = 25_000;
/** Without Redis no job can be completed, so only commits in flight are worth waiting for. */
const STOP_WITHOUT_REDIS_MS_MAX = 5_000;

const logger = new Logger('info', identityOf(null, null));
const deadlines = new Deadlines();
logWhatIsPrinted(logger);

/** In the order of opening; closed in reverse. */
const opened: { readonly name: string; close(): Promise<unknown> }[] = [];
let closing: string | null = null;
let stopping = false;
let stoppedBy: string | null = null;
/** Beside what a stop may take: the time in which load balancers are told. */
let drainMs = 0;
let connections: RedisConnections | null = null;

const started = boot();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
await started;

async function boot(): Promise<void> {
  try {
    const [command, ...rest] = process.argv.slice(2);
    if (rest.length > 0 || (command !== undefined && command !== 'migrate'))
      throw new ConfigError(['the command must be `migrate`, or none to start the service']);
    const config = readConfig();
    logger.setIdentity(identityOf(command === 'migrate' ? command : config.role, config.instanceName));
    await (command === 'migrate' ? migrateAlone(config) : start(config));
  } catch (error) {
    if (!stopping) await fail(error);
  }
}

async function start(config: Config): Promise<void> {
  logger.setLevel(config.logLevel);
  drainMs = config.drainSeconds * 1000;
  const { databaseUrl, redisUrl } = await openServers(config);
  if (config.migratesAtStart) await migrate(config, databaseUrl);
  else tellOfNewer(await requireMigrated({ databaseUrl, migrationsDir }));
  if (trustsAnyCertificate(databaseUrl))
    logger.warn(
      'nobody looks whose certificate Postgres has: sslmode=require encrypts only, use verify-full',
    );
  const sessions = await sessionsOf(config, databaseUrl);
  const database = new Database({
    ...sessions,
    ...(await standbyOf(config, sessions)),
    connectionsMax: config.databasePoolSize,
    prepares: config.databasePrepares,
  });
  keep('postgres', () => database.close());
  database.onReturn(() => logger.warn('postgres takes connections again after one broke'));
  await ensureFirstPlans(database, new URL('plans.json', PRISMA));
  await ensureFirstPrices(database, new URL('price-book.json', PRISMA));
  // The one secret that is ever printed, so that a first start needs nothing else.
  const problem = await ensureFirstAdminKey(database, config, (line) => process.stderr.write(`${line}\n`));
  if (problem !== null) throw new ConfigError([problem]);
  const redis = await openRedis({ ...config, redisUrl });
  const tracing = config.otlp === null ? null : await traceTo(config.otlp, config);
  const app = await createApp({ config, database, redis, clock: new Clock(), logger, tracing });
  keep('app', () => app.close());
  await app.listen(config.port, config.host);
  keep('requests', () => leave(app.get(Readiness), config));
  keep('service file', await tellWhere(config, await app.getUrl()));
  logger.info('listening', addressesOf(await app.getUrl(), config.role));
}

/** `npm run migrate`: applies what is pending, and ends. */
async function migrateAlone(config: Config): Promise<void> {
  logger.setLevel(config.logLevel);
  const { databaseUrl } = await openServers({ ...config, redisUrl: config.redisUrl ?? NO_REDIS });
  const applied = await migrate(config, databaseUrl);
  if (applied.length === 0) logger.info('nothing to migrate');
  await closeAll();
}

async function migrate(config: Config, databaseUrl: string): Promise<readonly string[]> {
  const owner = config.migrateDatabaseUrl ?? databaseUrl;
  const migrated = await applyMigrations({ databaseUrl: owner, migrationsDir });
  if (migrated.applied.length > 0) logger.info('migrated', { applied: migrated.applied });
  tellOfNewer(migrated);
  return migrated.applied;
}

/** Migrations of a newer release are there after a roll-back, or while processes are replaced one after the other. */
function tellOfNewer({ newer, newerFailed }: Migrated): void {
  if (newer.length > 0) logger.info('the database has migrations of a newer release', { newer });
  if (newerFailed.length > 0)
    logger.warn('migrations of a newer release have failed: this release works without them', {
      newerFailed,
    });
}

/** The role that migrates owns the tables; the service takes the rights of its own role on, or has a user of its own. */
async function sessionsOf(
  { migrateDatabaseUrl }: Config,
  databaseUrl: string,
): Promise<Pick<DatabaseOptions, 'url' | 'pooled'>> {
  const pooled = await isPooled(databaseUrl);
  const [schema, found] = [schemaOf(databaseUrl), await schemaOfSessions(databaseUrl, pooled)];
  if (found !== schema) throw new MigrationError(strayingSessions(schema, found));
  const mayTakeRole = migrateDatabaseUrl === null && (await mayServe(databaseUrl, pooled));
  if (!mayTakeRole && migrateDatabaseUrl === null)
    logger.warn(
      'the service works as the owner of its tables: the user of DATABASE_URL may not create or take on its role',
      { database_role: SERVICE_ROLE },
    );
  if (pooled) {
    logger.info('a pooler is in front of postgres: roles and time limits are set in each transaction');
    return { url: databaseUrl, pooled: { role: mayTakeRole ? SERVICE_ROLE : null } };
  }
  return { url: mayTakeRole ? asService(databaseUrl) : databaseUrl };
}

/** Only an API reads reports. While the standby does not answer, its sessions are assumed to be pooled or not as the primary's are. */
async function standbyOf(
  { role, reportsDatabaseUrl: url }: Config,
  primary: Pick<DatabaseOptions, 'url' | 'pooled'>,
): Promise<Pick<DatabaseOptions, 'standby'>> {
  if (url === null || role === 'worker') return {};
  const hasRole = primary.pooled ? primary.pooled.role !== null : takesRole(primary.url);
  const pooled = await isPooled(url).catch(() => primary.pooled !== undefined);
  const onChange = (isUp: boolean, reason: string | null): void => {
    if (stopping) return;
    if (isUp) logger.info('the standby of REPORTS_DATABASE_URL answers again');
    else
      logger.warn('the standby of REPORTS_DATABASE_URL is unavailable: reports are read from the primary', {
        reason,
      });
  };
  if (pooled) return { standby: { url, pooled: { role: hasRole ? SERVICE_ROLE : null }, onChange } };
  return { standby: { url: hasRole ? asService(url) : url, onChange } };
}

/** Starts the embedded servers where the environment names none. */
async function openServers(config: Config): Promise<{ databaseUrl: string; redisUrl: string }> {
  const { dataDir, databaseUrl, redisUrl } = config;
  if (databaseUrl !== null && redisUrl !== null) return { databaseUrl, redisUrl };
  const servers = await startEmbeddedServers({
    dataDir,
    postgres: databaseUrl === null,
    redis: redisUrl === null,
    log: (message, fields) => logger.info(message, { ...fields }),
  });
  keep('embedded servers', () => servers.stop());
  return {
    databaseUrl: databaseUrl ?? servers.databaseUrl ?? '',
    redisUrl: redisUrl ?? servers.redisUrl ?? '',
  };
}

async function openRedis(settings: RedisSettings): Promise<RedisConnections> {
  const redis = connectAll(settings);
  connections = redis;
  logOutages(redis, { logger, isStopping: () => stopping });
  keep('redis', async () => disconnectAll(redis));
  await untilAllServe(redis, settings, logger).catch((error: unknown) => {
    throw error instanceof RedisStartError ? new ConfigError([error.message]) : error;
  });
  return redis;
}

function isRedisDown(): boolean {
  return connections !== null && !(connections.quota.isWhole && connections.producer.isWhole);
}

/** Lets load balancers see that this process leaves while it still answers what they send meanwhile. Nobody sends a worker anything. */
async function leave(readiness: Readiness, { role, drainSeconds }: Config): Promise<void> {
  readiness.drain();
  if (role !== 'worker' && stoppedBy === 'SIGTERM') await delay(drainSeconds * 1000);
}

/** Closed after the app, so that its last spans are sent. */
async function traceTo(otlp: OtlpSettings, { role, instanceName }: Config): Promise<Tracing> {
  const { instance } = identityOf(role, instanceName);
  const tracing = await openTracing({ ...otlp, version: VERSION, instance }, logger);
  keep('traces', () => tracing.close());
  logger.info('traces are sent', { endpoint: new URL(otlp.endpoint).origin });
  return tracing;
}

/** The host and the process' number where the environment names no instance. */
function identityOf(role: string | null, instance: string | null): Identity {
  return { process: 'tally', role, instance: instance ?? `${hostname()}/${process.pid}` };
}

/** Registers what has to be closed. Throws where a stop began meanwhile, which ends the start. */
function keep(name: string, close: () => Promise<unknown>): void {
  opened.push({ name, close });
  if (stopping) throw new Error('stopped while starting');
}

/** Takes no new requests and jobs, finishes and commits those in flight, then closes everything. */
async function stop(signal: string): Promise<void> {
  if (stopping) return;
  stopping = true;
  stoppedBy = signal;
  logger.info('stopping', { signal });
  // While Redis is unavailable, a worker would wait for it for ever.
  const leftMs = isRedisDown() ? STOP_WITHOUT_REDIS_MS_MAX : STOP_MS_MAX;
  setTimeout(() => {
    logger.warn('not stopped in time', { signal, waits_for: closing });
    process.exit(1);
  }, drainMs + leftMs);
  const clean = await closeAll();
  await deadlines.within(STOP_NOTICED_MS_MAX, started).catch(() => {});
  process.exit((await closeAll()) && clean ? 0 : 1);
}

async function closeAll(): Promise<boolean> {
  let clean = true;
  for (let last = opened.pop(); last !== undefined; last = opened.pop()) {
    const { name } = last;
    closing = name;
    await last.close().catch((error: unknown) => {
      clean = false;
      logger.error(`${name} did not close`, error);
    });
  }
  return clean;
}

async function fail(error: unknown): Promise<void> {
  stopping = true;
  // A terminal gets a sentence, a log gets a line of JSON.
  if (process.stderr.isTTY) process.stderr.write(`${explain(error)}\n`);
  else if (isKnown(error)) logger.warn('not started', { reason: explain(error) });
  else logger.error('not started', error);
  await closeAll();
  process.exit(1);
}

/** One sentence for what an operator can fix; a stack for a bug of ours. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isUnavailable(error, 'postgres'))
    return `DATABASE_URL names a Postgres that does not serve us: ${error.reason}`;
  return isKnown(error) ? error.message : (error.stack ?? error.message);
}

function isKnown(error: unknown): boolean {
  return (
    isUnavailable(error) ||
    [ConfigError, EmbeddedServerError, MigrationError].some((kind) => error instanceof kind)
  );
}
