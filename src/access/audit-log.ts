/** Who changed what. Append only: the database refuses an update or a delete. */
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';

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
  /** Values as in JSON, so a bigint is a string. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
};

export type AuditRow = Change & { readonly id: bigint };

/** Call it in the transaction of the change itself. */
export async function insertAuditEntry(tx: Tx, change: Change): Promise<void> {
  await insertAuditEntries(tx, [change], change);
}

/** The same for many changes of one kind at once; each locks the head of its chain, so they go in the order of entities. */
export async function insertAuditEntries(
  tx: Tx,
  changes: readonly Pick<Change, 'entity' | 'target' | 'before' | 'after'>[],
  { at, actor, action }: Pick<Change, 'at' | 'actor' | 'action'>,
): Promise<void> {
  const inOrder = changes.toSorted((a, b) => ((a.entity ?? '') < (b.entity ?? '') ? -1 : 1));
  const data = inOrder.map(({ entity, target, before, after }) => {
    return { at, actor, action, entity, target, before: jsonOf(before), after: jsonOf(after) };
  });
  await tx.auditEntry.createMany({ data });
}

/** A page of changes, newest first; `entity` null lists those of all. `before` is the last id of the page before. */
export async function findAuditEntries(
  tx: Tx,
  page: { entity: string | null; before: bigint | null; limit: number },
): Promise<AuditRow[]> {
  const rows = await tx.auditEntry.findMany({
    where: { entity: page.entity ?? undefined, id: { lt: page.before ?? undefined } },
    orderBy: { id: 'desc' },
    take: page.limit,
  });
  return rows as AuditRow[];
}

function jsonOf(value: Readonly<Record<string, unknown>> | null) {
  return value === null ? Prisma.DbNull : (value as Prisma.InputJsonObject);
}
