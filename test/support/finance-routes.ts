/** The routes that copy OpenAI's, for the tests of access: the organization stands in a header. */
import type { RouteCase } from './routes.js';

const OF_ENTITY1 = { headers: { 'openai-organization': 'entity1' }, namesEntity: true } as const;

const LIMIT = { threshold_amount: 10_000 };

function report(path: string): RouteCase {
  return {
    route: `GET ${path}`,
    role: 'finance',
    request: `GET ${path}?start_time=1764547200`,
    ...OF_ENTITY1,
  };
}

/** Of the organization and of a project alike. */
function ofScope(route: string, request: string): RouteCase[] {
  return [
    {
      route: `GET ${route}/spend_limit`,
      role: 'finance',
      request: `GET ${request}/spend_limit`,
      ...OF_ENTITY1,
    },
    {
      route: `POST ${route}/spend_limit`,
      role: 'admin',
      request: `POST ${request}/spend_limit`,
      body: LIMIT,
      ...OF_ENTITY1,
    },
    {
      route: `DELETE ${route}/spend_limit`,
      role: 'admin',
      request: `DELETE ${request}/spend_limit`,
      ...OF_ENTITY1,
    },
  ];
}

export const FINANCE_ROUTES: readonly RouteCase[] = [
  report('/v1/organization/usage/completions'),
  report('/v1/organization/usage/embeddings'),
  report('/v1/organization/costs'),
  ...ofScope('/v1/organization', '/v1/organization'),
  ...ofScope('/v1/organization/projects/{project}', '/v1/organization/projects/project1'),
  {
    route: 'GET /v1/entities/{entity}/forecast',
    role: 'finance',
    request: 'GET /v1/entities/entity1/forecast',
    namesEntity: true,
  },
];
