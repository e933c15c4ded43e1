/** Which key may make which call: the one place that knows, from the API's document. */
import { ROLES } from '../../generated/roles.js';
import type { Role } from './session.js';

/** `GET /v1/entities`, as the document writes it. */
export type Operation = keyof typeof ROLES;

const WORDS: Readonly<Record<Role, string>> = {
  admin: 'an admin',
  owner: 'an owner of the customer',
  finance: 'a finance key',
  gateway: 'a gateway',
};

/** As the service decides: an admin may do all, and an owner what finance may. */
export function may(role: Role, operation: Operation): boolean {
  const roles: readonly Role[] = ROLES[operation];
  return role === 'admin' || roles.includes(role) || (role === 'owner' && roles.includes('finance'));
}

/** `an admin`, `an owner of the customer or an admin` */
export function whoMay(operation: Operation): string {
  const roles = new Set<Role>([...(ROLES[operation] as readonly Role[]), 'admin']);
  return (['finance', 'owner', 'gateway', 'admin'] as const)
    .filter((role) => roles.has(role))
    .map((role) => WORDS[role])
    .join(' or ');
}
