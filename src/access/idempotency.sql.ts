/** Answers to repeat. A row is written in the transaction of the change that it answers, so both are there or neither. */
import type { Tx } from '../platform/database.js';

export type KeptAnswer = { readonly requestHash: string; readonly status: number; readonly body: string };

/** What a key is unique in: the entity that the API key is bound to, or `*`. */
export type AnswerName = { readonly scope: string; readonly key: string };

/** Takes the key for this transaction, or returns false at once where another one has it: a twin is never waited for. */
export async function tryLockAnswer(tx: Tx, { scope, key }: AnswerName): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ locked: boolean }]>`
    select pg_try_advisory_xact_lock(
      hashtextextended('idempotency ' || ${scope}::text || ' ' || ${key}::text, 0)
    ) as locked`;
  return row.locked;
}

export async function findAnswer(tx: Tx, { scope, key }: AnswerName): Promise<KeptAnswer | null> {
  const rows = await tx.$queryRaw<KeptAnswer[]>`
    select request_hash as "requestHash", status, body
    from idempotency_keys
    where scope = ${scope}::text and key = ${key}::text`;
  return rows[0] ?? null;
}

export async function keepAnswer(tx: Tx, name: AnswerName, answer: KeptAnswer): Promise<void> {
  await tx.$executeRaw`
    insert into idempotency_keys (scope, key, request_hash, status, body, created_at)
    values (
      ${name.scope}::text, ${name.key}::text, ${answer.requestHash}::text, ${answer.status}::integer,
      ${answer.body}::text, now()
    )`;
}

/** Deletes a page of answers that were given earlier, and returns how many. What a twin deletes meanwhile is skipped. */
export async function pruneAnswers(tx: Tx, args: { givenBefore: Date; limit: number }): Promise<number> {
  return tx.$executeRaw`
    delete from idempotency_keys
    where (scope, key) in (
      select scope, key from idempotency_keys
      where created_at < ${args.givenBefore}::timestamptz
      limit ${args.limit}::integer
      for update skip locked
    )`;
}
