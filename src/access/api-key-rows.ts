/** API keys as they are stored: only the SHA-256 of a secret is kept. */
import type { EntityName } from '../domain/ids.js';
import type { KeyRole } from '../domain/key-roles.js';
import { behindRow, byTimeOfCreation, type Order } from '../http/list-order.js';
import type { Tx } from '../platform/database.js';
import type { Prisma } from '../platform/prisma/client.js';

export const KEY_STATES = ['active', 'expired', 'revoked'] as const;
export type KeyState = (typeof KEY_STATES)[number];

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
  /** From then on it opens nothing; null: never. */
  readonly expiresAt: Date | null;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
  /** The id of the key that took its place when it was rotated. */
  readonly successor: string | null;
};

export type NewKey = Pick<StoredKey, 'id' | 'name' | 'role' | 'entity' | 'source' | 'createdAt'> & {
  readonly secretHash: string;
  readonly expiresAt?: Date | null;
};

/** Which keys a caller may see, or act on. */
export type KeyScope = {
  /** Null: of any. */
  readonly entity: string | null;
  readonly roles: readonly KeyRole[] | null;
};

export type KeyFilter = KeyScope & { readonly state: KeyState | null };

const SHOWN = {
  id: true,
  name: true,
  role: true,
  entity: true,
  source: true,
  createdAt: true,
  revokedAt: true,
  expiresAt: true,
  lastUsedAt: true,
  successor: true,
} as const;

/** The key with this secret unless it was revoked, or null. The caller checks whether it has expired. */
export async function findKeyByHash(tx: Tx, secretHash: string): Promise<StoredKey | null> {
  const where = { secretHash, revokedAt: null };
  return (await tx.apiKey.findUnique({ where, select: SHOWN })) as StoredKey | null;
}

/** Adds a key, or returns null where the secret is known already, even if it was revoked. */
export async function insertKey(tx: Tx, key: NewKey): Promise<StoredKey | null> {
  const rows = await tx.apiKey.createManyAndReturn({ data: [key], skipDuplicates: true, select: SHOWN });
  return (rows[0] as StoredKey | undefined) ?? null;
}

/** The key with this id within the scope, or null. */
export async function findKey(tx: Tx, id: string, scope: KeyScope): Promise<StoredKey | null> {
  return (await tx.apiKey.findFirst({ where: { id, ...within(scope) }, select: SHOWN })) as StoredKey | null;
}

/** What keys are called, by their ids; an id that is no key's is missing. */
export async function findKeyNames(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const where = { id: { in: [...new Set(ids)] } };
  const rows = await tx.apiKey.findMany({ where, select: { id: true, name: true } });
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** A page of keys. Goes on behind `after`, a key of the scope. */
export async function listKeys(
  tx: Tx,
  filter: KeyFilter,
  page: { order?: Order; after: Pick<StoredKey, 'id' | 'createdAt'> | null; limit: number; now: Date },
): Promise<StoredKey[]> {
  const { order = 'desc' } = page;
  const rows = await tx.apiKey.findMany({
    where: {
      AND: [
        within(filter),
        inState(filter.state, page.now),
        page.after === null ? {} : behindRow(page.after, order),
      ],
    },
    orderBy: byTimeOfCreation(order),
    take: page.limit,
    select: SHOWN,
  });
  return rows as StoredKey[];
}

export function stateOf({ revokedAt, expiresAt }: StoredKey, now: Date): KeyState {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'active';
}

/** Renames a key, ends it, or says when it ends and which took its place. */
export async function changeKey(
  tx: Tx,
  id: string,
  change: Partial<Pick<StoredKey, 'name' | 'revokedAt' | 'expiresAt' | 'successor'>>,
): Promise<StoredKey> {
  return (await tx.apiKey.update({ where: { id }, data: change, select: SHOWN })) as StoredKey;
}

/** How many keys of the entity open something. */
export async function countActiveKeys(tx: Tx, entity: EntityName, now: Date): Promise<number> {
  return tx.apiKey.count({ where: { entity, ...inState('active', now) } });
}

/** True where somebody can still administer all entities. */
export async function hasAdminKey(tx: Tx, now: Date): Promise<boolean> {
  const where = { role: 'admin', ...inState('active', now) };
  return (await tx.apiKey.findFirst({ where, select: { id: true } })) !== null;
}

function within({ entity, roles }: KeyScope): Prisma.ApiKeyWhereInput {
  return { entity: entity ?? undefined, ...(roles !== null && { role: { in: [...roles] } }) };
}

function inState(state: KeyState | null, now: Date): Prisma.ApiKeyWhereInput {
  if (state === null) return {};
  if (state === 'revoked') return { revokedAt: { not: null } };
  const lives = { OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
  return { revokedAt: null, ...(state === 'active' ? lives : { expiresAt: { lte: now } }) };
}
