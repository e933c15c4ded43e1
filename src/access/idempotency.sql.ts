/**
 * Idempotency records: the answers to requests with an `Idempotency-Key`. A record is written in the transaction of the change that
 * it answers, so both are there or neither.
 */
import type { Tx } from '../platform/database.js';

export type IdempotencyRecord = {
  readonly requestHash: string;
  readonly status: number;
  readonly body: string;
};

/** What a key is unique in: the entity that the API key is bound to, or `*`. */
export type IdempotencyName = { readonly scope: string; readonly key: string };

/** Locks the key for this transaction, or returns false at once where another transaction has it: a repetition never waits. */
export async function tryLockRecord(tx: Tx, { scope, key }: IdempotencyName): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ locked: boolean }]>`
    select pg_try_advisory_xact_lock(
      hashtextextended('idempotency ' || ${scope}::text || ' ' || ${key}::text, 0)
    ) as locked`;
  return row.locked;
}

export async function findRecord(tx: Tx, name: IdempotencyName): Promise<IdempotencyRecord | null> {
  return tx.idempotencyKey.findUnique({
    where: { scope_key: name },
    select: { requestHash: true, status: true, body: true },
  });
}

/** Postgres' clock dates the record, and also decides when it is pruned. `entity` is the one that the answer is about, or null. */
export async function insertRecord(
  tx: Tx,
  { scope, key }: IdempotencyName,
  record: IdempotencyRecord & { readonly entity: string | null },
): Promise<void> {
  await tx.$executeRaw`
    insert into idempotency_keys (scope, key, request_hash, status, body, created_at, entity)
    values (
      ${scope}::text, ${key}::text, ${record.requestHash}::text, ${record.status}::integer, ${record.body}::text, now(),
      ${record.entity}::text
    )`;
}

/** Deletes a page of older records and returns how many. Rows that another worker deletes meanwhile are skipped. */
export async function deleteRecords(tx: Tx, args: { writtenBefore: Date; limit: number }): Promise<number> {
  return tx.$executeRaw`
    delete from idempotency_keys
    where (scope, key) in (
      select scope, key from idempotency_keys
      where created_at < ${args.writtenBefore}::timestamptz
      limit ${args.limit}::integer
      for update skip locked
    )`;
}
