/** An entity that does not exist is a 404 that names it wherever one is asked for, and asking writes nothing. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';
import { ROUTES } from '../support/routes.js';

type Call = { readonly request: string; readonly body?: unknown; readonly headers?: Record<string, string> };

/** A gateway's caller is on the default plan when it is first seen, and an admin makes an entity by its name. */
const FIRST_SEEN = [
  'POST /v1/quota/reservations',
  'GET /v1/quota/check',
  'POST /v1/quota/leases',
  'POST /v1/quota/leases/{id}/release',
  'POST /v1/quota/reservations/release',
  'PUT /v1/admin/entities/{entity}',
  // Ended again and again, also where there is nothing to end.
  'POST /v1/quota/reservations/{id}/release',
  // A key may be made before its entity is seen.
  'POST /v1/admin/keys',
];

/** The requests of all routes that name an entity, with one that does not exist. */
const WALKED: (Call & { route: string })[] = ROUTES.filter(
  ({ route, ...named }) => JSON.stringify(named).includes('entity1') && !FIRST_SEEN.includes(route),
).map(({ route, request, body, headers }) => ({
  route,
  ...(JSON.parse(JSON.stringify({ request, body, headers }).replaceAll('entity1', 'nosuch')) as Call),
}));

const org = { 'openai-organization': 'nosuch' };
const PRICE = { model: LLAMA, input_usd_per_million: '1', output_usd_per_million: '1' };
const RERATE = { model: LLAMA, from: '2026-11-01', to: '2026-12-01', reason: 'test' };
const OTHERS: Call[] = [
  { request: 'GET /v1/admin/audit_log?entity=nosuch' },
  { request: 'GET /v1/admin/dead_letters?entity=nosuch' },
  { request: 'GET /v1/admin/dead_letters?subject=nosuch/p' },
  { request: 'GET /v1/admin/usage_conflicts?entity=nosuch' },
  { request: 'GET /v1/admin/usage_conflicts?subject=nosuch/p' },
  { request: 'GET /v1/admin/usage_corrections?entity=nosuch' },
  { request: 'GET /v1/admin/prices?entity=nosuch' },
  { request: 'GET /v1/admin/prices/unpriced?entity=nosuch' },
  { request: 'GET /v1/admin/keys?entity=nosuch' },
  { request: 'GET /v1/admin/chains?entity=nosuch' },
  { request: 'GET /v1/exports/focus.csv?period=2026-11&entity=nosuch' },
  { request: 'POST /v1/admin/prices', body: { ...PRICE, entity: 'nosuch' } },
  { request: 'POST /v1/admin/prices?dry_run=true', body: { ...PRICE, entity: 'nosuch' } },
  { request: 'POST /v1/admin/prices/rerate', body: { ...RERATE, entity: 'nosuch' } },
  { request: 'POST /v1/admin/prices/rerate?dry_run=true', body: { ...RERATE, entity: 'nosuch' } },
  { request: 'POST /v1/admin/reconciliation/repair', body: { entity: 'nosuch' } },
  { request: 'POST /v1/admin/webhooks', body: { url: 'https://a.example/hook', entity: 'nosuch' } },
  { request: 'POST /v1/admin/dead_letters/replay', body: { entity: 'nosuch' } },
  { request: 'POST /v1/admin/dead_letters/discard?dry_run=true', body: { subject: 'nosuch/p' } },
  { request: 'POST /v1/admin/usage_events/%2Fg/e1/void', body: { reason: 'r', entity: 'nosuch' } },
  ...['usage/completions', 'usage/embeddings', 'usage/images', 'usage/moderations', 'costs'].map((path) => ({
    request: `GET /v1/organization/${path}?start_time=1795305600`,
    headers: org,
  })),
  ...[
    'usage/audio_speeches',
    'usage/audio_transcriptions',
    'usage/vector_stores',
    'usage/code_interpreter_sessions',
    'usage/file_search_calls',
    'usage/web_search_calls',
  ].map((path) => ({ request: `GET /v1/organization/${path}?start_time=1795305600`, headers: org })),
  ...[
    'projects',
    'projects/p',
    'projects/p/rate_limits',
    'projects/p/spend_alerts',
    'projects/p/spend_limit',
    'spend_alerts',
    'spend_limit',
    'admin_api_keys',
    'audit_logs',
    'alerts',
  ].map((path) => ({ request: `GET /v1/organization/${path}`, headers: org })),
];

let app: TestApp;
beforeAll(async () => {
  // Where mail is set up, asking for it is no mistake.
  app = await anApp({ environment: { SMTP_URL: 'smtp://127.0.0.1:1', SMTP_FROM: 'tally@example.com' } });
});
afterAll(() => app.close());

/** All rows of all tables, but for the refusals in the audit log and what counts them. */
async function rows(): Promise<Record<string, string>> {
  const { rows: tables } = await app.postgres.pool.query<{ name: string }>(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
  );
  const counts = tables.map(async ({ name }) => {
    // A refusal is told of, and so is a job that was asked for and refused.
    const where = name === 'audit_log' ? `where action not in ('access.refused', 'jobs.start')` : '';
    const { rows: found } = await app.postgres.pool.query(`select count(*) from ${name} ${where}`);
    return [name, found[0].count] as const;
  });
  const all = Object.fromEntries(await Promise.all(counts));
  delete all['chain_heads'];
  // A job that was refused says so, also to who repeats its key.
  delete all['jobs'];
  delete all['idempotency_keys'];
  return all;
}

describe('an entity that does not exist', () => {
  it.each(
    [...WALKED, ...OTHERS].map(
      (call) => [`${call.request} ${JSON.stringify(call.body ?? {})}`, call] as const,
    ),
  )('is a 404 that names it: %s', async (_, { request, body, headers }) => {
    const before = await rows();
    const idempotency: Record<string, string> = request.startsWith('POST')
      ? { 'idempotency-key': request.slice(0, 200) }
      : {};
    const answer = await app.call(request, { body, headers: { ...headers, ...idempotency }, waits: false });
    expect([answer.status, answer.body?.error?.code]).toEqual([404, 'not_found']);
    expect(answer.body.error.message).toContain('nosuch');
    expect(await rows()).toEqual(before);
  });
});
