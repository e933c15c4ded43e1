/** An operator's mistake: derived rows are changed by hand. A repair must find each and undo it. */
import type { Random } from './random.js';

const OF_ENTITY: readonly string[] = [
  `update entity_spend set cost_picos = cost_picos + 7, burnt_picos = burnt_picos + 7
   where (entity, period) in (select entity, period from entity_spend where entity = $1 order by period desc limit 1)`,
  `update project_spend set cost_picos = cost_picos - 5
   where (entity, period, project) in (
     select entity, period, project from project_spend where entity = $1 order by period desc, project limit 1)`,
  `update usage_hourly set requests = requests + 1, output_tokens = output_tokens - 3, cost_picos = cost_picos + 11
   where (entity, hour, series_id, period, rate_id) in (
     select entity, hour, series_id, period, rate_id from usage_hourly where entity = $1
     order by hour desc, series_id, period, rate_id limit 1)`,
  `delete from usage_hourly where entity = $1 and series_id in (
     select id from usage_series where entity = $1 and project = (select max(project) from hourly_usage where entity = $1))`,
];

/** Only while nothing burns: a burn of a wrong remainder cannot be undone. */
const OF_GRANTS = `
  update credit_grants set remaining_picos = remaining_picos - 1, burnt_picos = burnt_picos + 1
  where id in (select id from credit_grants where entity = $1 and remaining_picos > 0 order by id limit 1)`;

/** A statement with the entity as its parameter. */
export function damage(random: Random, who: 'is alone' | 'is served'): string {
  return random.pick(who === 'is alone' ? [...OF_ENTITY, OF_GRANTS] : OF_ENTITY);
}
