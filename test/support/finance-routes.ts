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

function projects(route: string, request: string): RouteCase {
  return { route, role: 'finance', request, ...OF_ENTITY1 };
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
      alsoFor: ['owner'],
      request: `POST ${request}/spend_limit`,
      body: LIMIT,
      ...OF_ENTITY1,
    },
    {
      route: `DELETE ${route}/spend_limit`,
      role: 'admin',
      alsoFor: ['owner'],
      request: `DELETE ${request}/spend_limit`,
      ...OF_ENTITY1,
    },
  ];
}

/** Of the organization and of a project alike. */
function alertsOf(route: string, request: string): RouteCase[] {
  const alert = { route: `${route}/spend_alerts/{alert}`, request: `${request}/spend_alerts/alert_none` };
  const body = { ...LIMIT, notification_channel: { recipients: ['finance@example.com'] } };
  return [
    {
      route: `GET ${route}/spend_alerts`,
      role: 'finance',
      request: `GET ${request}/spend_alerts`,
      ...OF_ENTITY1,
    },
    {
      route: `POST ${route}/spend_alerts`,
      role: 'admin',
      alsoFor: ['owner'],
      request: `POST ${request}/spend_alerts`,
      body,
      ...OF_ENTITY1,
    },
    { route: `GET ${alert.route}`, role: 'finance', request: `GET ${alert.request}`, ...OF_ENTITY1 },
    {
      route: `POST ${alert.route}`,
      role: 'admin',
      alsoFor: ['owner'],
      request: `POST ${alert.request}`,
      body,
      ...OF_ENTITY1,
    },
    {
      route: `DELETE ${alert.route}`,
      role: 'admin',
      alsoFor: ['owner'],
      request: `DELETE ${alert.request}`,
      ...OF_ENTITY1,
    },
  ];
}

const OF_OWNERS = { role: 'admin', alsoFor: ['owner'], ...OF_ENTITY1 } as const;

export const FINANCE_ROUTES: readonly RouteCase[] = [
  {
    route: 'GET /v1/organization/admin_api_keys',
    request: 'GET /v1/organization/admin_api_keys',
    ...OF_OWNERS,
  },
  {
    route: 'GET /v1/organization/admin_api_keys/{key}',
    request: 'GET /v1/organization/admin_api_keys/key_none',
    ...OF_OWNERS,
  },
  { route: 'GET /v1/organization/audit_logs', request: 'GET /v1/organization/audit_logs', ...OF_OWNERS },
  report('/v1/organization/usage/completions'),
  report('/v1/organization/usage/embeddings'),
  report('/v1/organization/usage/moderations'),
  report('/v1/organization/usage/images'),
  report('/v1/organization/usage/audio_speeches'),
  report('/v1/organization/usage/audio_transcriptions'),
  report('/v1/organization/usage/vector_stores'),
  report('/v1/organization/usage/code_interpreter_sessions'),
  report('/v1/organization/usage/file_search_calls'),
  report('/v1/organization/usage/web_search_calls'),
  report('/v1/organization/costs'),
  projects('GET /v1/organization/projects', 'GET /v1/organization/projects'),
  projects('GET /v1/organization/projects/{project}', 'GET /v1/organization/projects/project1'),
  projects(
    'GET /v1/organization/projects/{project}/rate_limits',
    'GET /v1/organization/projects/project1/rate_limits',
  ),
  ...ofScope('/v1/organization', '/v1/organization'),
  ...ofScope('/v1/organization/projects/{project}', '/v1/organization/projects/project1'),
  ...alertsOf('/v1/organization', '/v1/organization'),
  ...alertsOf('/v1/organization/projects/{project}', '/v1/organization/projects/project1'),
  ...['GET', 'POST', 'GET /{alert}', 'POST /{alert}', 'DELETE /{alert}'].flatMap((call): RouteCase[] => {
    const [verb, rest = ''] = call.split(' ');
    const about = { body: { kind: 'unpriced_usage' } };
    const at = (base: string) => ({
      route: `${verb} ${base}${rest}`,
      request: `${verb} ${base}${rest.replace('{alert}', 'alert_none')}`,
      ...(verb === 'POST' && about),
    });
    return [
      {
        ...at('/v1/organization/alerts'),
        ...OF_ENTITY1,
        ...(verb === 'GET' ? { role: 'finance' } : { role: 'admin', alsoFor: ['owner'] }),
      },
      { ...at('/v1/admin/alerts'), role: 'admin' },
    ];
  }),
  {
    route: 'GET /v1/admin/mail_deliveries',
    role: 'admin',
    alsoFor: ['owner'],
    request: 'GET /v1/admin/mail_deliveries',
  },
  { route: 'GET /v1/admin/webhooks', role: 'admin', alsoFor: ['owner'], request: 'GET /v1/admin/webhooks' },
  {
    route: 'POST /v1/admin/webhooks',
    role: 'admin',
    alsoFor: ['owner'],
    request: 'POST /v1/admin/webhooks',
    body: { url: 'https://example.com/hook', entity: 'entity1' },
    namesEntity: true,
  },
  {
    route: 'DELETE /v1/admin/webhooks/{id}',
    role: 'admin',
    alsoFor: ['owner'],
    request: 'DELETE /v1/admin/webhooks/hook_none',
  },
  ...[
    'GET',
    'GET /deliveries',
    'GET /deliveries/{delivery}',
    'POST /deliveries/{delivery}/resend',
    'POST /rotate',
    'POST /test',
  ].map((call): RouteCase => {
    const [verb, rest = ''] = call.split(' ');
    const route = `${verb} /v1/admin/webhooks/{id}${rest}`;
    const request = route.replace('{id}', 'hook_none').replace('{delivery}', 'delivery_none');
    return { route, role: 'admin', alsoFor: ['owner'], request, ...(verb === 'POST' && { body: {} }) };
  }),
  {
    route: 'GET /v1/entities/{entity}/events/{event}',
    role: 'finance',
    request: 'GET /v1/entities/entity1/events/1764547200000_0f9d8f6e-6f0b-5c39-8f2c-3d9a1b7c5e21',
    namesEntity: true,
  },
  {
    route: 'GET /v1/entities/{entity}/statements',
    role: 'finance',
    request: 'GET /v1/entities/entity1/statements',
    namesEntity: true,
  },
  {
    route: 'GET /v1/entities/{entity}/forecast',
    role: 'finance',
    request: 'GET /v1/entities/entity1/forecast',
    namesEntity: true,
  },
  {
    route: 'GET /v1/entities/{entity}',
    role: 'finance',
    request: 'GET /v1/entities/entity1',
    namesEntity: true,
  },
];
