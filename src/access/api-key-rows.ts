/** API keys as they are stored: only the SHA-256 of a secret is kept. */
import type { EntityName } from '../domain/ids.js';
import type { KeyRole } from '../domain/key-roles.js';
import type { Tx } from '../platform/database.js';

export type StoredKey = {
  readonly id: string;
  readonly name: string;
  readonly role: KeyRole;
  /** Null serves all entities. */
  readonly entity: EntityName | null;
  /** Of the events that it reports; null: any. */
  readonly source: string | null;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
};

const SHOWN = {
  id: true,
  name: true,
  role: true,
  entity: true,
  source: true,
  createdAt: true,
  revokedAt: true,
} as const;

/** The key with this secret unless it was revoked, or null. */
export async function findKeyByHash(tx: Tx, secretHash: string): Promise<StoredKey | null> {
  const where = { secretHash, revokedAt: null };
  return (await tx.apiKey.findUnique({ where, select: SHOWN })) as StoredKey | null;
}

/** Adds a key, or returns null where the secret is known already, even if it was revoked. */
export async function insertKey(
  tx: Tx,
  key: Omit<StoredKey, 'revokedAt'> & { readonly secretHash: string },
): Promise<StoredKey | null> {
  const rows = await tx.apiKey.createManyAndReturn({ data: [key], skipDuplicates: true, select: SHOWN });
  return (rows[0] as StoredKey | undefined) ?? null;
}

/**
 * A page of keys, newest first; `entity` null lists those of all entities. `after` is the last id of the page before; a page after an
 * unknown id is empty.
 */
export async function listKeys(
  tx: Tx,
  page: { entity: string | null; after: string | null; limit: number },
): Promise<StoredKey[]> {
  const last = page.after === null ? null : await tx.apiKey.findUnique({ where: { id: page.after } });
  if (page.after !== null && last === null) return [];
  const rows = await tx.apiKey.findMany({
    where: { entity: page.entity ?? undefined, ...(last !== null && madeBefore(last)) },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: page.limit,
    select: SHOWN,
  });
  return rows as StoredKey[];
}

function madeBefore({ createdAt, id }: { createdAt: Date; id: string }) {
  return { OR: [{ createdAt: { lt: createdAt } }, { createdAt, id: { lt: id } }] };
}

/**
 * Revokes a key and returns it; one that was revoked before keeps its time. Null where no key has that id, or none of `entity` and
 * `roles` (null: any).
 */
export async function revokeKey(
  tx: Tx,
  args: { id: string; entity: string | null; roles: readonly KeyRole[] | null; at: Date },
): Promise<StoredKey | null> {
  const where = {
    id: args.id,
    entity: args.entity ?? undefined,
    ...(args.roles !== null && { role: { in: [...args.roles] } }),
  };
  await tx.apiKey.updateMany({ where: { ...where, revokedAt: null }, data: { revokedAt: args.at } });
  return (await tx.apiKey.findFirst({ where, select: SHOWN })) as StoredKey | null;
}

/** True where somebody can still administer all entities. */
export async function hasAdminKey(tx: Tx): Promise<boolean> {
  const where = { role: 'admin', entity: null, revokedAt: null };
  return (await tx.apiKey.findFirst({ where, select: { id: true } })) !== null;
}
