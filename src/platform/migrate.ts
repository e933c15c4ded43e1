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
  findFailedMigration,
  lockMigrations,
  readAppliedMigrations,
  readEngine,
  readSchema,
  type Engine,
} from './migrate.sql.js';
import { connectionOf, schemaOf } from './database-address.js';
import { postgresFailure } from './postgres-errors.js';
import { openSchemaEngine } from './schema-engine.js';
import { Unavailable } from './unavailable.js';

/** The message names the migration and says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/**
 * Returns the names of the migrations that this call applied, oldest first. Processes that start together wait for each
 * other. Each migration is one transaction: one that fails leaves nothing behind but its row in `_prisma_migrations`.
 */
export async function applyMigrations(target: {
  databaseUrl: string;
  migrationsDir: string;
}): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(resolve(target.migrationsDir));
  const holder = new Client(connectionOf(target.databaseUrl));
  await holder.connect().catch((error: unknown) => {
    throw new Unavailable('postgres', error);
  });
  try {
    const problem = engineProblem(await readEngine(holder));
    if (problem !== null) throw new MigrationError(problem);
    await lockMigrations(holder);
    await arriveIn(holder, schemaOf(target.databaseUrl));
    refuseOther(migrations, await readAppliedMigrations(holder));
    return { applied: await applyUnderLock(target.databaseUrl, migrations) };
  } catch (error) {
    throw (await failedMigration(holder, error)) ?? postgresFailure(error);
  } finally {
    // Closing the connection gives the lock back.
    await holder.end();
  }
}

/**
 * Refuses a database that lacks a migration of this release, for a start that applies none. What a newer release has added, or has failed to
 * add, is no matter: columns and tables are added, never taken away.
 */
export async function requireMigrated(target: { databaseUrl: string; migrationsDir: string }): Promise<void> {
  const migrations = await readMigrations(resolve(target.migrationsDir));
  const client = new Client(connectionOf(target.databaseUrl));
  try {
    await client.connect();
    const applied = await readAppliedMigrations(client);
    refuseOther(migrations, applied);
    const names = new Set(applied.map(({ name }) => name));
    const lacking = migrations.migrationDirectories.filter(({ path }) => !names.has(path));
    if (lacking.length === 0) return;
    throw new MigrationError(
      `The database lacks ${lacking.map(({ path }) => path).join(', ')}, and MIGRATE is off: run npm run migrate before this start.`,
    );
  } catch (error) {
    throw error instanceof MigrationError ? error : postgresFailure(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** They speak Postgres' protocol, but two sessions get the same advisory lock at once, or none. */
const WITHOUT_LOCKS = /CockroachDB|YugabyteDB|-YB-|Redshift|Spanner/i;
const VERSION_MIN = 150_000;

/** Why the books cannot be kept in this server, and what to do; null where they can. */
export function engineProblem({ version, versionNumber, spreadTables }: Engine): string | null {
  if (WITHOUT_LOCKS.test(version))
    return `DATABASE_URL names ${version}: its advisory locks do not lock, so two processes would close the same hour. Use PostgreSQL 15 or newer`;
  if (versionNumber < VERSION_MIN) return `DATABASE_URL names ${version}: use PostgreSQL 15 or newer`;
  if (spreadTables.length > 0) {
    return `DATABASE_URL names a Citus that spreads ${spreadTables.join(', ')}: the books lock rows and count changed rows in ways that hold in one server only. Undistribute these tables`;
  }
  return null;
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
async function arriveIn(holder: Client, schema: string): Promise<void> {
  await createSchema(holder, schema);
  const found = await readSchema(holder);
  if (found !== schema) throw new MigrationError(strayingSessions(schema, found));
}

export function strayingSessions(schema: string, found: string | null): string {
  const where = found === null ? 'in no schema' : `in the schema ${found}`;
  return (
    `Sessions of DATABASE_URL begin ${where}, and Tally's tables are in ${schema}: name the schema with ?schema=, or, behind a pooler that ` +
    `drops what a session asks for, set it for the user with "alter role … set search_path = ${schema}", and grant the user usage of it.`
  );
}

/** The engine takes a lock of its own in its session, hence one connection that lives until it is done. */
async function applyUnderLock(databaseUrl: string, migrationsList: MigrationList): Promise<string[]> {
  const pool = new Pool({ ...connectionOf(databaseUrl), max: 1, idleTimeoutMillis: 0 });
  try {
    const engine = await openSchemaEngine(pool, schemaOf(databaseUrl));
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

/** The engine's own words mix the reason with its stack; what it wrote into its table says which migration it was. */
async function failedMigration(client: Client, cause: unknown): Promise<MigrationError | null> {
  const failed = await findFailedMigration(client).catch(() => null);
  if (failed === null) return null;
  const reason = (failed.logs ?? (cause instanceof Error ? cause.message : String(cause)))
    .split(/\n\s*0: /)[0]
    ?.replace('external connector error', '')
    .trim();
  return new MigrationError(
    `The migration ${failed.migration_name} failed: ${reason}\nIt was rolled back. Once the cause is mended, allow it again with ` +
      `"update _prisma_migrations set rolled_back_at = now() where migration_name = '${failed.migration_name}' and finished_at is null", ` +
      'and start again.',
    { cause },
  );
}
