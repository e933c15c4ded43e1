/** What a quota decision needs to know, read in one snapshot for any number of entities and projects. */
import { assert } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-limits.js';
import { DEFAULT_PLAN } from '../accounts/default-plan.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { LIMITED_PROJECTS_MAX, statesOf, type QuotaStateRow } from './quota-state-rows.js';

/** A null project asks for the entity alone. */
export type QuotaSubject = { readonly entity: EntityName; readonly project: ProjectName | null };

/**
 * One state for each entity, as of `at`, with the projects that were asked for and all that have a limit, unless these are too many.
 * An unknown entity has the default plan and has spent nothing; reading creates no row. It takes no locks. The function stands in the
 * migration: counting returns the same rows.
 */
export async function loadQuotaStates(
  tx: Tx,
  args: { subjects: readonly QuotaSubject[]; at: Date },
): Promise<QuotaState[]> {
  const { subjects, at } = args;
  const rows = await tx.$queryRaw<QuotaStateRow[]>`
    select * from quota_states(
      ${pgArray(subjects.map(({ entity }) => entity))}::text[],
      ${pgArray(subjects.map(({ project }) => project ?? ''))}::text[],
      true, ${LIMITED_PROJECTS_MAX}::integer, ${DEFAULT_PLAN}::text, ${at}::timestamptz
    )`;
  return stateOfEach(subjects, statesOf(rows, at));
}

function stateOfEach(subjects: readonly QuotaSubject[], states: readonly QuotaState[]): QuotaState[] {
  const known = new Map(states.map((state) => [state.entity, state]));
  return [...new Set(subjects.map(({ entity }) => entity))].map((entity) => {
    const state = known.get(entity);
    // An empty result never means "allowed": without the default plan no entity may spend.
    assert(state !== undefined, `there is a plan named ${DEFAULT_PLAN}`);
    return state;
  });
}
