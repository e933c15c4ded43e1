/** Who changed what. Append only: the database refuses an update or a delete. */
import type { Tx } from '../platform/database.js';

export type Change = {
  /** The booking time of the change. */
  readonly at: Date;
  /** The id of the API key that asked for it, or `system`. */
  readonly actor: string;
  /** A noun and a verb: `credits.grant`, `limits.change`. */
  readonly action: string;
  /** The entity concerned, or null where the change concerns all. */
  readonly entity: string | null;
  /** What was changed within it: a grant, a project, a key. */
  readonly target: string | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
};

export type AuditRow = Change & { readonly id: bigint };

/** Call it in the transaction of the change itself. A bigint goes in as a string: JSON has none. */
export async function insertAuditEntry(tx: Tx, change: Change): Promise<void> {
  await tx.$executeRaw`
    insert into audit_log (at, actor, action, entity, target, before, after)
    values (
      ${change.at}::timestamptz, ${change.actor}::text, ${change.action}::text, ${change.entity}::text, ${change.target}::text,
      ${jsonOrNull(change.before)}::jsonb, ${jsonOrNull(change.after)}::jsonb
    )`;
}

/** The same for many changes of one kind at once. */
export async function insertAuditEntries(
  tx: Tx,
  changes: readonly Pick<Change, 'entity' | 'target' | 'before' | 'after'>[],
  by: Pick<Change, 'at' | 'actor' | 'action'>,
): Promise<void> {
  await tx.$executeRaw`
    insert into audit_log (at, actor, action, entity, target, before, after)
    select ${by.at}::timestamptz, ${by.actor}::text, ${by.action}::text, entity, target, before::jsonb, after::jsonb
    from unnest(
      ${changes.map(({ entity }) => entity)}::text[],
      ${changes.map(({ target }) => target)}::text[],
      ${changes.map(({ before }) => jsonOrNull(before))}::text[],
      ${changes.map(({ after }) => jsonOrNull(after))}::text[]
    ) as t (entity, target, before, after)`;
}

/** A page of changes, newest first; `entity` null lists those of all. `before` is the last id of the page before. */
export async function findAuditEntries(
  tx: Tx,
  page: { entity: string | null; before: bigint | null; limit: number },
): Promise<AuditRow[]> {
  return tx.$queryRaw<AuditRow[]>`
    select id, at, actor, action, entity, target, before, after
    from audit_log
    where (${page.entity}::text is null or entity = ${page.entity}::text)
      and (${page.before === null ? null : String(page.before)}::bigint is null
        or id < ${page.before === null ? null : String(page.before)}::bigint)
    order by id desc
    limit ${page.limit}::integer`;
}

function jsonOrNull(value: Readonly<Record<string, unknown>> | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
