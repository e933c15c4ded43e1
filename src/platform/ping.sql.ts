/** The cheapest question to Postgres, whose answer is its time. */
import type pg from 'pg';

/** In milliseconds, with fractions. */
export async function askTime(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ ms: string }>(
    `select (extract(epoch from clock_timestamp()) * 1000)::text as ms`,
  );
  return Number(rows[0]!.ms);
}
