/** What a migration asks of Postgres beside the engine that applies it. */
import type { Client } from 'pg';

/** Any number, as long as every Tally uses the same one. */
const LOCK_KEY = '7825534891';
/** The process that holds the lock may be rewriting a large table. */
const LOCK_WAIT_MINUTES_MAX = 30;

export type FailedMigration = { readonly migration_name: string; readonly logs: string | null };

export type Engine = {
  /** The server's name and version in its own words. */
  readonly version: string;
  /** The version that it is compatible with, as 180001. */
  readonly versionNumber: number;
  /** Those of our tables that Citus spreads over servers. */
  readonly spreadTables: readonly string[];
};

export async function readEngine(client: Client): Promise<Engine> {
  const { rows } = await client.query<{ version: string; number: string; citus: boolean }>(
    `select version() as version, current_setting('server_version_num') as number,
       to_regclass('pg_dist_partition') is not null as citus`,
  );
  const { version, number, citus } = rows[0]!;
  return {
    version,
    versionNumber: Number(number),
    spreadTables: citus ? await readSpreadTables(client) : [],
  };
}

/** Citus lists what it spreads, and what it copies to each server, in a catalog of its own. */
async function readSpreadTables(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_dist_partition p join pg_class c on c.oid = p.logicalrel
     where c.relnamespace = current_schema()::regnamespace order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** The schema in which the session finds and makes tables; null where there is none of those that it is to look in. */
export async function readSchema(client: Client): Promise<string | null> {
  const { rows } = await client.query<{ schema: string | null }>('select current_schema()::text as schema');
  return rows[0]?.schema ?? null;
}

/** Two processes may make it at the same time; one of them waits and finds it made. */
export async function createSchema(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query(`select to_regnamespace(quote_ident($1)) is not null as exists`, [
    schema,
  ]);
  if (rows[0]?.exists !== true) await client.query(`create schema ${client.escapeIdentifier(schema)}`);
}

/** Waits for other processes that migrate. The lock ends with the client's connection. */
export async function lockMigrations(client: Client): Promise<void> {
  await client.query(`set lock_timeout = '${LOCK_WAIT_MINUTES_MAX}min'`);
  await client.query('select pg_advisory_lock($1::bigint)', [LOCK_KEY]);
}

/** None where there is no table of migrations yet. */
export async function readAppliedMigrations(client: Client): Promise<{ name: string; checksum: string }[]> {
  const { rows: tables } = await client.query(`select where to_regclass('_prisma_migrations') is not null`);
  if (tables.length === 0) return [];
  const { rows } = await client.query<{ name: string; checksum: string }>(
    `select migration_name as name, checksum from _prisma_migrations where finished_at is not null and rolled_back_at is null`,
  );
  return rows;
}

/** The oldest one that began and neither finished nor was declared rolled back. */
export async function findFailedMigration(client: Client): Promise<FailedMigration | null> {
  const { rows } = await client.query<FailedMigration>(
    `select migration_name, logs from _prisma_migrations
     where finished_at is null and rolled_back_at is null
     order by started_at limit 1`,
  );
  return rows[0] ?? null;
}
