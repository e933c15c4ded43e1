/** Projects as JSON. */
import { presentProjectLimits } from './limits.presenter.js';
import type { ProjectRow } from './projects.js';
import type { Project } from './projects.schema.js';

export function presentProject(row: ProjectRow): Project {
  return { object: 'project', entity: row.entity, project: row.project, ...presentProjectLimits(row) };
}
