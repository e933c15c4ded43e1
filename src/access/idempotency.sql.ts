/**
 * Idempotency records: the answers to requests with an `Idempotency-Key`. An answer is written in the transaction of the change that it
 * answers, so both are there or neither. A change that begins outside of its transaction has claimed the key before.
 */
import type { Tx } from '../platform/database.js';

type KeyedRequest = {
  readonly requestHash: string;
  /** The one that the answer is about, or null. */
  readonly entity: string | null;
};

type RequestAnswer = { readonly status: number; readonly body: string };

/** Of a key that a request has claimed and that is not answered yet. */
const UNANSWERED: RequestAnswer = { status: 0, body: '' };

type KeptRequest = {
  readonly requestHash: string;
  /** Null where it is not answered yet. */
  readonly body: string | null;
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

export async function findRecord(tx: Tx, name: IdempotencyName): Promise<KeptRequest | null> {
  const record = await tx.idempotencyKey.findUnique({
    where: { scope_key: name },
    select: { requestHash: true, status: true, body: true },
  });
  if (record === null) return null;
  const { requestHash, status, body } = record;
  return { requestHash, body: status === UNANSWERED.status ? null : body };
}

/** Keeps a new key for a request that is not answered yet. Waits for a transaction that is inserting the same key. */
export async function claimKey(
  tx: Tx,
  { scope, key }: IdempotencyName,
  { requestHash, entity }: KeyedRequest,
): Promise<void> {
  const { status, body } = UNANSWERED;
  await tx.$executeRaw`
    insert into idempotency_keys (scope, key, request_hash, status, body, created_at, entity)
    values (
      ${scope}::text, ${key}::text, ${requestHash}::text, ${status}::integer, ${body}::text, now(), ${entity}::text
    )
    on conflict (scope, key) do nothing`;
}

/**
 * Inserts the record, or answers what the same request has claimed; false where another request has claimed the key. Postgres' clock dates the
 * record, and also decides when it is pruned.
 */
export async function insertRecord(
  tx: Tx,
  { scope, key }: IdempotencyName,
  record: KeyedRequest & RequestAnswer,
): Promise<boolean> {
  const count = await tx.$executeRaw`
    insert into idempotency_keys as k (scope, key, request_hash, status, body, created_at, entity)
    values (
      ${scope}::text, ${key}::text, ${record.requestHash}::text, ${record.status}::integer, ${record.body}::text, now(),
      ${record.entity}::text
    )
    on conflict (scope, key) do update set status = excluded.status, body = excluded.body
    where k.request_hash = excluded.request_hash`;
  return count === 1;
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
