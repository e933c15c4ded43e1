/**
 * Applies the migrations that a database has not seen: what `prisma migrate deploy` does, by the same engine, whose
 * WebAssembly build comes from npm where the program would have to be downloaded.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg';
import { Client, Pool } from 'pg';
import {
  createSchema,
  lockMigrations,
  locksLock,
  readEngine,
  readMigrationRows,
  readVersion,
  type Engine,
  type MigrationRow,
} from './migrate.sql.js';
import { connectionOf, schemaOf } from './database-address.js';
import { isPooled, pooledSessions, type Sessions } from './pooled-sessions.js';
import { clientThatBegins } from './postgres-client.js';
import { postgresFailure } from './postgres-errors.js';
import { readSessionSchema } from './service-role.sql.js';
import { openSchemaEngine } from './schema-engine.js';
import { Unavailable } from './unavailable.js';

/** The message names the migration and says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** What a start finds: what it has applied, and what is no matter of its own. */
export type Migrated = {
  /** The migrations that this call applied, oldest first. */
  readonly applied: readonly string[];
  /** Those in the database that this release does not know: a newer one has applied them, or failed to. */
  readonly newer: readonly string[];
  readonly newerFailed: readonly string[];
};

type Target = { readonly databaseUrl: string; readonly migrationsDir: string };

/**
 * Applies what the database lacks. Processes that start together wait for each other; one that lacks nothing waits for nobody, so an older
 * release starts beside what a newer one has added, or has failed to add. Each migration is one transaction: one that fails leaves nothing behind
 * but its row in `_prisma_migrations`.
 */
export async function applyMigrations({ databaseUrl, migrationsDir }: Target): Promise<Migrated> {
  const migrations = await readMigrations(resolve(migrationsDir));
  const schema = schemaOf(databaseUrl);
  const sessions = await sessionsAt(databaseUrl);
  const client = await connect(sessions);
  try {
    await requireEngine(client, sessions, schema);
    const before = stateOf(migrations, await readMigrationRows(client, schema));
    if (before.lacking.length === 0) return { applied: [], ...before };
    const holder = await connect(sessions);
    try {
      await lockMigrations(holder);
      await arriveIn(client, schema, sessions);
      stateOf(migrations, await readMigrationRows(client, schema));
      const applied = await applyUnderLock(sessions, schema, migrations);
      return { ...stateOf(migrations, await readMigrationRows(client, schema)), applied };
    } finally {
      // The end of its transaction, or of its connection, gives the lock back.
      await holder.end();
    }
  } catch (error) {
    throw (await failedMigration(client, { schema, migrations }, error)) ?? postgresFailure(error);
  } finally {
    await client.end();
  }
}

/**
 * Refuses a database that lacks a migration of this release, for a start that applies none. What a newer release has added, or has failed to
 * add, is no matter: columns and tables are added, never taken away.
 */
export async function requireMigrated({ databaseUrl, migrationsDir }: Target): Promise<Migrated> {
  const migrations = await readMigrations(resolve(migrationsDir));
  const schema = schemaOf(databaseUrl);
  const sessions = await sessionsAt(databaseUrl);
  const client = await connect(sessions);
  try {
    await requireEngine(client, sessions, schema);
    const state = stateOf(migrations, await readMigrationRows(client, schema));
    if (state.lacking.length === 0) return { applied: [], ...state };
    throw new MigrationError(
      `The database lacks ${state.lacking.join(', ')}, and MIGRATE is off: run npm run migrate before this start.`,
    );
  } catch (error) {
    throw error instanceof MigrationError ? error : postgresFailure(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** By startup options, or behind a pooler by what each transaction begins with. */
async function sessionsAt(databaseUrl: string): Promise<Sessions> {
  if (await isPooled(databaseUrl)) return pooledSessions(databaseUrl, null);
  return { config: connectionOf(databaseUrl), local: [] };
}

async function connect({ config }: Sessions): Promise<Client> {
  const client = new Client(config);
  // One that breaks fails at its next statement.
  client.on('error', () => {});
  await client.connect().catch((error: unknown) => {
    throw new Unavailable('postgres', error);
  });
  return client;
}

async function requireEngine(client: Client, sessions: Sessions, schema: string): Promise<void> {
  const problem = engineProblem(await readEngine(client, schema));
  if (problem !== null) throw new MigrationError(problem);
  const other = await connect(sessions);
  try {
    if (await locksLock(client, other)) return;
    throw new MigrationError(
      `DATABASE_URL names ${await readVersion(client)}: ${NO_LOCKS}. Use PostgreSQL 15 or newer`,
    );
  } finally {
    await other.end();
  }
}

/** They speak Postgres' protocol, but two sessions get the same advisory lock at once, or none. */
const WITHOUT_LOCKS = /CockroachDB|YugabyteDB|-YB-|Redshift|Spanner/i;
const NO_LOCKS = 'its advisory locks do not lock, so two processes would close the same hour';
const VERSION_MIN = 150_000;

/** Why the books cannot be kept in this server, and what to do; null where they can. */
export function engineProblem({ version, versionNumber, spreadTables }: Engine): string | null {
  if (WITHOUT_LOCKS.test(version))
    return `DATABASE_URL names ${version}: ${NO_LOCKS}. Use PostgreSQL 15 or newer`;
  if (versionNumber === null || versionNumber < VERSION_MIN)
    return `DATABASE_URL names ${version}: use PostgreSQL 15 or newer`;
  if (spreadTables.length > 0) {
    return `DATABASE_URL names a Citus that spreads ${spreadTables.join(', ')}: the books lock rows and count changed rows in ways that hold in one server only. Undistribute these tables`;
  }
  return null;
}

/** Compares what this release has with what the database has. */
function stateOf(migrations: MigrationList, rows: readonly MigrationRow[]) {
  const applied = rows.filter(({ state }) => state === 'applied');
  refuseOther(migrations, applied);
  const own = new Set(migrations.migrationDirectories.map(({ path }) => path));
  const done = new Set(applied.map(({ name }) => name));
  const unknown = rows.filter(({ name }) => !own.has(name));
  return {
    lacking: [...own].filter((name) => !done.has(name)),
    newer: unknown.filter(({ state }) => state === 'applied').map(({ name }) => name),
    newerFailed: unknown.filter(({ state }) => state === 'failed').map(({ name }) => name),
  };
}

/**
 * A migration that the database has in another form: it was made by a release with another baseline. The engine would take it for applied,
 * and the service would find other tables than it knows.
 */
function refuseOther(
  { migrationDirectories }: MigrationList,
  applied: readonly { name: string; checksum: string }[],
): void {
  const checksums = new Map(applied.map(({ name, checksum }) => [name, checksum]));
  for (const { path, migrationFile } of migrationDirectories) {
    const known = checksums.get(path);
    if (known === undefined || migrationFile.content.tag !== 'ok') continue;
    if (known === createHash('sha256').update(migrationFile.content.value).digest('hex')) continue;
    throw new MigrationError(
      `The database has the migration ${path} in another form than this release: it was made by an earlier one, from before 1.0, whose ` +
        'tables cannot be moved. Go on with that release, or use a new database (with the embedded servers: another DATA_DIR).',
    );
  }
}

/** Makes the schema where it is missing. Sessions must begin in it: what names no schema is found there. */
async function arriveIn(client: Client, schema: string, { local }: Sessions): Promise<void> {
  await createSchema(client, schema);
  const found = await readSessionSchema(client, local);
  if (found !== schema) throw new MigrationError(strayingSessions(schema, found));
}

export function strayingSessions(schema: string, found: string | null): string {
  const where = found === null ? 'in no schema' : `in the schema ${found}`;
  return (
    `Sessions of DATABASE_URL begin ${where}, and Tally's tables are in ${schema}: name the schema with ?schema=, or, behind a pooler that ` +
    `drops what a session asks for, set it for the user with "alter role … set search_path = ${schema}", and grant the user usage of it.`
  );
}

async function applyUnderLock(
  { config, local }: Sessions,
  schema: string,
  migrationsList: MigrationList,
): Promise<string[]> {
  const Connection = clientThatBegins(['begin', ...local].join('; '));
  const pool = new Pool({ ...config, Client: Connection, max: 1, idleTimeoutMillis: 0 });
  pool.on('error', () => {});
  try {
    const engine = await openSchemaEngine(pool, { schema, local });
    const filters = { externalTables: [], externalEnums: [] };
    const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters });
    engine.free();
    return appliedMigrationNames;
  } finally {
    await pool.end();
  }
}

/** Prisma's layout: one directory per migration, applied in the order of their names, which begin with the time. */
async function readMigrations(baseDir: string): Promise<MigrationList> {
  const entries = await readdir(baseDir, { withFileTypes: true }).catch((error: unknown) => {
    throw new MigrationError(`There are no migrations in ${baseDir}: is this a whole copy of Tally?`, {
      cause: error,
    });
  });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = await Promise.all(
    names.sort().map(async (name) => {
      const value = await readFile(join(baseDir, name, 'migration.sql'), 'utf8');
      return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
    }),
  );
  const lock = 'migration_lock.toml';
  const content = await readFile(join(baseDir, lock), 'utf8').catch(() => null);
  return { baseDir, lockfile: { path: lock, content }, shadowDbInitScript: '', migrationDirectories };
}

/** The engine's code for a database with a failed migration, of this release or of any other. */
const BLOCKED = 'P3009';

/** The engine's own words mix the reason with its stack; what it wrote into its table says which migration it was. */
async function failedMigration(
  client: Client,
  { schema, migrations }: { schema: string; migrations: MigrationList },
  cause: unknown,
): Promise<MigrationError | null> {
  if (cause instanceof MigrationError) return cause;
  const rows = await readMigrationRows(client, schema).catch(() => []);
  const own = new Set(migrations.migrationDirectories.map(({ path }) => path));
  const failed = rows.filter(({ state }) => state === 'failed');
  const ofOurs = failed.find(({ name }) => own.has(name));
  const allow = (name: string): string =>
    `"update ${schema}._prisma_migrations set rolled_back_at = now() where migration_name = '${name}' and finished_at is null"`;
  if (ofOurs !== undefined)
    return new MigrationError(
      `The migration ${ofOurs.name} failed: ${reasonOf(ofOurs, cause)}\nIt was rolled back. Once the cause is mended, allow it again with ` +
        `${allow(ofOurs.name)}, and start again.`,
      { cause },
    );
  const [newer] = failed;
  if (newer === undefined || !isBlocked(cause)) return null;
  return new MigrationError(
    `${stateOf(migrations, rows).lacking.join(', ')} cannot be applied: a newer release's migration ${newer.name} has failed here: ` +
      `${reasonOf(newer, cause)}\nIt was rolled back. Allow it again with ${allow(newer.name)}, and start again.`,
    { cause },
  );
}

function isBlocked(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === BLOCKED;
}

function reasonOf({ logs }: MigrationRow, cause: unknown): string | undefined {
  return (logs ?? (cause instanceof Error ? cause.message : String(cause)))
    .split(/\n\s*0: /)[0]
    ?.replace('external connector error', '')
    .trim();
}
