/** What an API key may do. An admin may do everything that the others may, and is bound to no entity; an owner is always bound to one. */
export type KeyRole = 'gateway' | 'finance' | 'owner' | 'admin';

/** Why a key of this role cannot be bound as asked, or null. */
export function bindingProblem(role: KeyRole, entity: string | null): string | null {
  if (role === 'admin' && entity !== null) return 'must be left out: an admin key serves all entities';
  if (role === 'owner' && entity === null) return 'must name an entity: an owner acts for one customer';
  return null;
}

/** The keys that a customer's owner may make and revoke. */
export const OWNED_ROLES: readonly KeyRole[] = ['gateway', 'finance'];
