/** Where Redis keeps what decisions are made by. */
import type { EntityName, ProjectName } from '../domain/ids.js';

/** The keys of an entity. The braces put them into one cluster slot, so that one script may touch them all. */
export function holdKeys(entity: EntityName): string[] {
  return [`tally:{${entity}}:holds`, `tally:{${entity}}:expiry`, `tally:{${entity}}:ended`];
}

export function stateKey(entity: EntityName): string {
  return `tally:{${entity}}:state`;
}

/** Null where the key is another one. */
export function entityOfStateKey(key: string): EntityName | null {
  return (/^tally:\{(.+)\}:state$/.exec(key)?.[1] as EntityName | undefined) ?? null;
}

export function projectKey(entity: EntityName, project: ProjectName): string {
  return `tally:{${entity}}:project:${project}`;
}

export function leasesKey(entity: EntityName): string {
  return `tally:{${entity}}:leases`;
}
