/** How far a server has written, and how far a standby has replayed that, in bytes of the log of writes. */
import type pg from 'pg';
import type { Tx } from './purpose-pool.js';

/** Of a server that takes writes. */
export async function askWritten(pool: pg.Pool): Promise<bigint> {
  const { rows } = await pool.query<{ bytes: string }>(
    `select (pg_current_wal_lsn() - '0/0'::pg_lsn)::text as bytes`,
  );
  return BigInt(rows[0]!.bytes);
}

export type Replayed = {
  /** Null: it takes writes, so it is no standby (any more). */
  readonly bytes: bigint | null;
  /** Since the last commit that it has replayed, by its clock; null where it has replayed none since its start. */
  readonly sinceCommitSeconds: number | null;
};

export async function findReplayed(tx: Tx): Promise<Replayed> {
  const rows = await tx.$queryRaw<{ bytes: string | null; since: number | null }[]>`
    select
      case when pg_is_in_recovery() then (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::text end as bytes,
      extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as since`;
  const { bytes, since } = rows[0]!;
  return { bytes: bytes === null ? null : BigInt(bytes), sinceCommitSeconds: since };
}
