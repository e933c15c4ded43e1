/** The names of the keys in which Redis keeps the states, holds and leases of an entity. */
import { formatSubject, type EntityName, type ProjectName, type Subject } from '../domain/ids.js';
import type { ProjectQuota } from '../domain/quota-limits.js';
import { ScriptKeys } from './lua-script.js';
import { cacheByKey } from './generational-cache.js';

/** The keys that scripts take, written once for each entity and project that was asked about recently. */
export class RedisKeys {
  /** For scripts about an entity's holds. */
  readonly ofHolds = cacheByKey(String, (entity: EntityName) => new ScriptKeys(holdKeys(entity)));

  /** For scripts that decide. */
  readonly ofDecision = cacheByKey(formatSubject, ({ entity, project }: Subject) => {
    const states = [stateKey(entity), projectKey(entity, project), leasesKey(entity)];
    return new ScriptKeys([...holdKeys(entity), ...states]);
  });
}

/** For the publication of an entity's state, and of its projects that have keys of their own. */
export function publicationKeys(entity: EntityName, projects: readonly ProjectQuota[]): string[] {
  const names = projects.map(({ project }) => projectKey(entity, project));
  return [...holdKeys(entity), leasesKey(entity), stateKey(entity), ...names];
}

/** Of all keys of an entity, its denials included. No character of a name means anything in a pattern. */
export function patternOf(entity: EntityName): string {
  return `tally:{${entity}}:*`;
}

/** The braces put all keys of an entity into one cluster slot, so that one script may touch them all. */
export function stateKey(entity: EntityName): string {
  return `tally:{${entity}}:state`;
}

/** Null for any other key. */
export function entityOfStateKey(key: string): EntityName | null {
  return (/^tally:\{(.+)\}:state$/.exec(key)?.[1] as EntityName | undefined) ?? null;
}

function holdKeys(entity: EntityName): string[] {
  return [`tally:{${entity}}:holds`, `tally:{${entity}}:expiry`, `tally:{${entity}}:ended`];
}

function projectKey(entity: EntityName, project: ProjectName): string {
  return `tally:{${entity}}:project:${project}`;
}

function leasesKey(entity: EntityName): string {
  return `tally:{${entity}}:leases`;
}
