/** Who changed what. Append only: the database refuses an update or a delete. */
import type { KeyRole } from '../domain/key-roles.js';
import { behind, type Order } from '../http/list-order.js';
import type { Tx } from '../platform/database.js';
import { callerOf } from './caller-context.js';
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

export type AuditRow = Change & {
  readonly id: bigint;
  /** Of the request that asked for it; null for what nobody asked for. */
  readonly requestId: string | null;
  readonly role: KeyRole | null;
  readonly address: string | null;
};

export type AuditFilter = {
  /** Null: of all. */
  readonly entity: string | null;
  readonly actor: string | null;
  /** `credits.grant`, or `credits` for all of its kind. */
  readonly actions: readonly string[] | null;
  readonly target: string | null;
  readonly from: Date | null;
  /** Exclusive. */
  readonly to: Date | null;
};

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
  const call = callerOf(tx, actor);
  const by = call === null ? {} : { requestId: call.requestId, role: call.role, address: call.address };
  const data = inOrder.map(({ entity, target, before, after }) => {
    return { at, actor, action, entity, target, before: jsonOf(before), after: jsonOf(after), ...by };
  });
  await tx.auditEntry.createMany({ data });
}

/** A page of changes. `after` is the last id of the page before. */
export async function findAuditEntries(
  tx: Tx,
  filter: AuditFilter,
  page: { order?: Order; after: bigint | null; limit: number },
): Promise<AuditRow[]> {
  const { order = 'desc' } = page;
  const rows = await tx.auditEntry.findMany({
    where: { ...whereOf(filter), id: behind(page.after ?? undefined, order) },
    orderBy: { id: order },
    take: page.limit,
  });
  return rows as AuditRow[];
}

/** Whether the filter's entries have one with this id. */
export async function hasAuditEntry(tx: Tx, filter: AuditFilter, id: bigint): Promise<boolean> {
  return (
    (await tx.auditEntry.findFirst({ where: { ...whereOf(filter), id }, select: { id: true } })) !== null
  );
}

function whereOf({ entity, actor, actions, target, from, to }: AuditFilter): Prisma.AuditEntryWhereInput {
  return {
    entity: entity ?? undefined,
    actor: actor ?? undefined,
    target: target ?? undefined,
    at: { gte: from ?? undefined, lt: to ?? undefined },
    ...(actions !== null && {
      OR: actions.map((action) =>
        action.includes('.') ? { action } : { action: { startsWith: `${action}.` } },
      ),
    }),
  };
}

function jsonOf(value: Readonly<Record<string, unknown>> | null) {
  return value === null ? Prisma.DbNull : (value as Prisma.InputJsonObject);
}
