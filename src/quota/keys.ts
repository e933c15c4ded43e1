/** Where Redis keeps what decisions are made by. */
import { formatSubject, type EntityName, type ProjectName, type Subject } from '../domain/ids.js';
import { ScriptKeys } from './lua-script.js';
import { remembered } from './remembered.js';

/** What scripts about an entity's holds take. The braces put them into one cluster slot, so that one script may touch them all. */
export const holdKeys = remembered(String, (entity: EntityName) => new ScriptKeys(holdNames(entity)));

function holdNames(entity: EntityName): string[] {
  return [`tally:{${entity}}:holds`, `tally:{${entity}}:expiry`, `tally:{${entity}}:ended`];
}

/** What scripts that decide take. */
export const decisionKeys = remembered(formatSubject, ({ entity, project }: Subject) => {
  const states = [stateKey(entity), projectKey(entity, project), leasesKey(entity)];
  return new ScriptKeys([...holdNames(entity), ...states]);
});

/** What a publication takes, with the projects whose states it carries. */
export function publicationKeys(entity: EntityName, projects: readonly ProjectName[]): ScriptKeys {
  const names = projects.map((project) => projectKey(entity, project));
  return new ScriptKeys([...holdNames(entity), leasesKey(entity), stateKey(entity), ...names]);
}

export function stateKey(entity: EntityName): string {
  return `tally:{${entity}}:state`;
}

/** Null where the key is another one. */
export function entityOfStateKey(key: string): EntityName | null {
  return (/^tally:\{(.+)\}:state$/.exec(key)?.[1] as EntityName | undefined) ?? null;
}

function projectKey(entity: EntityName, project: ProjectName): string {
  return `tally:{${entity}}:project:${project}`;
}

function leasesKey(entity: EntityName): string {
  return `tally:{${entity}}:leases`;
}
