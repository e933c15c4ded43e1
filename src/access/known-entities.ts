/** An entity that does not exist is a 404 wherever one is asked for. */
import { TallyError } from '../domain/errors.js';
import type { Tx } from '../platform/database.js';

/** What every call answers about an entity that does not exist. */
export function noEntity(entity: string): TallyError {
  return new TallyError('not_found', `no entity ${entity}`, { param: 'entity' });
}

/** Throws `not_found` for an entity that nobody has created and nothing was counted for: what reads one calls this first. */
export async function requireKnown(tx: Tx, entity: string): Promise<void> {
  if (!(await isKnown(tx, entity))) throw noEntity(entity);
}

export async function isKnown(tx: Tx, entity: string): Promise<boolean> {
  return (await tx.entity.findUnique({ where: { name: entity }, select: { name: true } })) !== null;
}

/**
 * For lists whose rows may name an entity that was deleted or not created yet: an empty list of an unknown entity is a 404.
 */
export async function requireKnownWhereEmpty(
  tx: Tx,
  { entity, found }: { entity: string | null; found: readonly unknown[] },
): Promise<void> {
  if (entity !== null && found.length === 0) await requireKnown(tx, entity);
}
