/** `/customers/{entity}/report`: what a month or some days cost, why, and whether it adds up. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, day, month, oneOf, text } from '../../parts/address.js';
import { MEASURES } from '../../parts/words.js';
import { queries } from '../../api/queries.js';
import { loadAhead } from '../../session/load-ahead.js';
import { reportQuery, viewOf } from './load.js';

const NEEDS = 'GET /v1/entities/{entity}/activity';

export const GROUPS = ['model', 'project'] as const;
export const ROWS = ['project_model', 'project', 'model'] as const;
export const TOPS = ['10', '50', 'all'] as const;

const readAddress = address({
  month: month(),
  from: day(),
  to: day(),
  by: oneOf(GROUPS),
  show: oneOf(MEASURES),
  rows: oneOf(ROWS),
  top: oneOf(TOPS),
  search: text(128),
  sort: text(32),
});

export const reportRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/report',
  validateSearch: readAddress,
  staticData: { needs: NEEDS },
  loaderDeps: ({ search: { month, from, to } }) => ({ view: viewOf({ month, from, to }) }),
  loader: ({ params: { entity }, deps: { view }, preload }) =>
    loadAhead({
      needs: NEEDS,
      preload,
      load: () => [queries.prefetchQuery(reportQuery(entity, view))],
    }),
  component: lazyRouteComponent(() => import('./report.js'), 'Report'),
});
