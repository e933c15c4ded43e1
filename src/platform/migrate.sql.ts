/** What a migration asks of Postgres beside the engine that applies it. */
import type { Client } from 'pg';

/** Any number, as long as every Tally uses the same one. */
const LOCK_KEY = '7825534891';
/** The process that holds the lock may be rewriting a large table. */
const LOCK_WAIT_MINUTES_MAX = 30;

export type FailedMigration = { readonly migration_name: string; readonly logs: string | null };

/** What the server says that it is: its name and version in words, and the version that it is compatible with, as 180001. */
export async function readEngine(client: Client): Promise<{ version: string; versionNumber: number }> {
  const { rows } = await client.query<{ version: string; number: string }>(
    `select version() as version, current_setting('server_version_num') as number`,
  );
  return { version: rows[0]!.version, versionNumber: Number(rows[0]!.number) };
}

/** Waits for other processes that migrate. The lock ends with the client's connection. */
export async function lockMigrations(client: Client): Promise<void> {
  await client.query(`set lock_timeout = '${LOCK_WAIT_MINUTES_MAX}min'`);
  await client.query('select pg_advisory_lock($1::bigint)', [LOCK_KEY]);
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
