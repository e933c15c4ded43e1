/** The cheapest question to Postgres, whose answer is its time. */
import type pg from 'pg';

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
