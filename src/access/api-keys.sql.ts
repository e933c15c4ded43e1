/** API keys: only the SHA-256 of a secret is kept. */
import type { EntityName } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';

export type KeyRole = 'gateway' | 'finance' | 'admin';

export type ApiKeyRow = {
  readonly id: string;
  readonly name: string;
  readonly role: KeyRole;
  /** Null serves all entities. */
  readonly entity: EntityName | null;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
};

type RawKey = {
  id: string;
  name: string;
  role: KeyRole;
  entity: EntityName | null;
  created_at: Date;
  revoked_at: Date | null;
};

/** The key with this secret that nobody has revoked, or null. */
export async function findKeyByHash(tx: Tx, secretHash: string): Promise<ApiKeyRow | null> {
  const rows = await tx.$queryRaw<RawKey[]>`
    select id, name, role, entity, created_at, revoked_at
    from api_keys
    where secret_hash = ${secretHash}::text and revoked_at is null`;
  return rows[0] === undefined ? null : toKey(rows[0]);
}

/** Adds a key, or returns null where the secret is known already, be it revoked or not. */
export async function insertKey(
  tx: Tx,
  key: {
    id: string;
    name: string;
    role: KeyRole;
    entity: string | null;
    secretHash: string;
    createdAt: Date;
  },
): Promise<ApiKeyRow | null> {
  const rows = await tx.$queryRaw<RawKey[]>`
    insert into api_keys (id, name, role, entity, secret_hash, created_at)
    values (
      ${key.id}::text, ${key.name}::text, ${key.role}::text, ${key.entity}::text, ${key.secretHash}::text,
      ${key.createdAt}::timestamptz
    )
    on conflict (secret_hash) do nothing
    returning id, name, role, entity, created_at, revoked_at`;
  return rows[0] === undefined ? null : toKey(rows[0]);
}

/** A page of keys, newest first; `entity` null lists those of all entities. `after` is the last id of the page before. */
export async function listKeys(
  tx: Tx,
  page: { entity: string | null; after: string | null; limit: number },
): Promise<ApiKeyRow[]> {
  const rows = await tx.$queryRaw<RawKey[]>`
    select id, name, role, entity, created_at, revoked_at
    from api_keys
    where (${page.entity}::text is null or entity = ${page.entity}::text)
      and (
        ${page.after}::text is null
        or (created_at, id) < (select created_at, id from api_keys where id = ${page.after}::text)
      )
    order by created_at desc, id desc
    limit ${page.limit}::integer`;
  return rows.map(toKey);
}

/**
 * Ends a key and returns it; a key that was ended before keeps its time. Null where there is none with that id, or none
 * that belongs to `entity` (null: any).
 */
export async function revokeKey(
  tx: Tx,
  args: { id: string; entity: string | null; at: Date },
): Promise<ApiKeyRow | null> {
  const rows = await tx.$queryRaw<RawKey[]>`
    update api_keys set revoked_at = coalesce(revoked_at, ${args.at}::timestamptz)
    where id = ${args.id}::text and (${args.entity}::text is null or entity = ${args.entity}::text)
    returning id, name, role, entity, created_at, revoked_at`;
  return rows[0] === undefined ? null : toKey(rows[0]);
}

/** True where somebody can still administer all entities. */
export async function hasAdminKey(tx: Tx): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ found: boolean }]>`
    select exists (
      select from api_keys where role = 'admin' and entity is null and revoked_at is null
    ) as found`;
  return row.found;
}

function toKey(row: RawKey): ApiKeyRow {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    entity: row.entity,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  };
}
