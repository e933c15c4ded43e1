/** The cheapest questions to Postgres: its time, and which schema it has. */
import type pg from 'pg';
import type { Tx } from './purpose-pool.js';

/** Whether the server takes no writes: a standby, or one that was set so. */
export async function askReadOnly(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ setting: string }>(
    `select current_setting('transaction_read_only') as setting`,
  );
  return rows[0]!.setting === 'on';
}

/** In milliseconds, with fractions. */
export async function askTime(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ ms: string }>(
    `select (extract(epoch from clock_timestamp()) * 1000)::text as ms`,
  );
  return Number(rows[0]!.ms);
}

/** Null where the service may not read what the migrations write down. */
export async function findNewestMigration(tx: Tx): Promise<string | null> {
  const [right] = await tx.$queryRaw<[{ mayRead: boolean | null }]>`
    select has_table_privilege(to_regclass('_prisma_migrations'), 'select') as "mayRead"`;
  if (right.mayRead !== true) return null;
  const rows = await tx.$queryRaw<{ name: string }[]>`
    select migration_name as name from _prisma_migrations
    where finished_at is not null and rolled_back_at is null
    order by migration_name desc limit 1`;
  return rows[0]?.name ?? null;
}
