/** What a migration asks of Postgres beside the engine that applies it. Each statement works in any session, also in one of a pooler's. */
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError, escapeIdentifier, type Client } from 'pg';

/** Any number, as long as every Tally uses the same one. */
const LOCK_KEY = '7825534891';
/** Of `prisma migrate deploy`, which takes it while it applies migrations. */
const PRISMA_LOCK_KEY = '72707369';
/** The process that holds the lock may be rewriting a large table. */
const LOCK_WAIT_MS_MAX = 30 * 60_000;
const LOCK_AGAIN_MS = 200;

export type Engine = {
  /** The server's name and version in its own words. */
  readonly version: string;
  /** The version that it is compatible with, as 180001; null where it does not say. */
  readonly versionNumber: number | null;
  /** Those of our tables that Citus spreads over servers. */
  readonly spreadTables: readonly string[];
};

export async function readVersion(client: Client): Promise<string> {
  const { rows } = await client.query<{ version: string }>('select version() as version');
  return rows[0]!.version;
}

export async function readEngine(client: Client, schema: string): Promise<Engine> {
  const version = await readVersion(client);
  const { rows } = await client
    .query<{ number: string; citus: boolean }>(
      `select current_setting('server_version_num') as number, to_regclass('pg_dist_partition') is not null as citus`,
    )
    .catch((error: unknown) => {
      if (error instanceof DatabaseError) return { rows: [] };
      throw error;
    });
  const [row] = rows;
  return {
    version,
    versionNumber: row === undefined ? null : Number(row.number),
    spreadTables: row?.citus ? await readSpreadTables(client, schema) : [],
  };
}

/** Citus lists what it spreads, and what it copies to each server, in a catalog of its own. */
async function readSpreadTables(client: Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name
     from pg_dist_partition p join pg_class c on c.oid = p.logicalrel join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1::text order by 1`,
    [schema],
  );
  return rows.map(({ name }) => name);
}

/** Whether a lock that one transaction holds is refused to another. */
export async function locksLock(one: Client, other: Client): Promise<boolean> {
  const key = String(Math.floor(Math.random() * Number.MAX_SAFE_INTEGER));
  try {
    await one.query('begin');
    await other.query('begin');
    return (await tryLock(one, key)) && !(await tryLock(other, key));
  } finally {
    await other.query('rollback');
    await one.query('rollback');
  }
}

async function tryLock(client: Client, key: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    'select pg_try_advisory_xact_lock($1::bigint) as locked',
    [key],
  );
  return rows[0]!.locked;
}

/** Two processes may make it at the same time; one of them waits and finds it made. */
export async function createSchema(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query(`select to_regnamespace(quote_ident($1)) is not null as exists`, [
    schema,
  ]);
  if (rows[0]?.exists !== true) await client.query(`create schema ${escapeIdentifier(schema)}`);
}

/**
 * Waits for other processes that migrate, and begins the transaction that holds the lock: it lasts until the client's connection ends. While it
 * waits it tries again every 200 ms, each time in a new transaction, so it holds none of a pooler's few connections.
 */
export async function lockMigrations(holder: Client): Promise<void> {
  const until = performance.now() + LOCK_WAIT_MS_MAX;
  for (;;) {
    await holder.query('begin; set local idle_in_transaction_session_timeout = 0');
    if ((await tryLock(holder, LOCK_KEY)) && (await tryLock(holder, PRISMA_LOCK_KEY))) return;
    await holder.query('rollback');
    if (performance.now() > until) throw new Error('another process has been migrating for half an hour');
    await delay(LOCK_AGAIN_MS);
  }
}

/** `failed`: it began, and neither finished nor was declared rolled back. */
export type MigrationRow = {
  readonly name: string;
  readonly checksum: string;
  readonly state: 'applied' | 'failed';
  readonly logs: string | null;
};

/** Oldest first; none where there is no table of migrations yet. */
export async function readMigrationRows(client: Client, schema: string): Promise<MigrationRow[]> {
  const table = `${escapeIdentifier(schema)}._prisma_migrations`;
  const { rows: tables } = await client.query('select where to_regclass($1) is not null', [table]);
  if (tables.length === 0) return [];
  const { rows } = await client.query<MigrationRow>(
    `select migration_name as name, checksum, logs, case when finished_at is null then 'failed' else 'applied' end as state
     from ${table} where rolled_back_at is null order by started_at`,
  );
  return rows;
}
