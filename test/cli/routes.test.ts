/** What the service can do and the command line cannot: only what is here, each with the reason. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

const SOURCE = join(import.meta.dirname, '../../packages/cli/src');

let app: TestApp;
beforeAll(async () => {
  app = await anApp();
});
afterAll(() => app.close());

/** By operation id; one that ends with a dot is all of them. */
const LEFT_TO_OTHERS: Readonly<Record<string, string>> = {
  'quota.': 'a gateway asks before each request',
  'leases.': 'a gateway decides by itself for a while',
  'usageEvents.report': 'a gateway reports what was used',
  'usageEvents.reportLitellm': "LiteLLM's callback reports what was used",
  'operations.': 'probes and Prometheus',
  'organizationUsage.': "OpenAI's shapes: tally usage has the sums",
  'organizationProjects.': "OpenAI's shapes: tally entity has the projects",
  'rateLimits.': "OpenAI's shapes: tally limits has them",
  'adminApiKeys.': "OpenAI's shapes: tally keys has them",
  'organizationAuditLogs.': "OpenAI's shapes: tally audit has them",
  'spendAlerts.': "OpenAI's shapes: tally alerts has them and more kinds",
  'projectSpendAlerts.': "OpenAI's shapes: tally alerts --project",
  'spendLimits.': "a customer's own limit, which it sets itself",
  'projectSpendLimits.': "a customer's own limit, which it sets itself",
  'activity.get': 'for the console: the days of tally usage',
  'balances.forecast': 'tally entity shows it',
  'customers.get': 'tally entity shows it',
  'entities.list': 'tally entities lists them with what they spend',
  'events.get': 'tally events show finds an event by the id that its gateway made',
  'ledger.get': 'tally ledger lists the entries whole',
  'corrections.get': 'tally corrections lists them whole',
  'webhookDeliveries.get': 'tally webhooks deliveries --json lists them whole',
};

function isLeft(operationId: string): boolean {
  return Object.keys(LEFT_TO_OTHERS).some((name) =>
    name.endsWith('.') ? operationId.startsWith(name) : operationId === name,
  );
}

/** `GET /v1/admin/keys` of each call in the source. */
function called(): Set<string> {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' });
  const texts = files
    .filter((file) => file.endsWith('.ts') && !file.includes('generated'))
    .map((file) => readFileSync(join(SOURCE, file), 'utf8'));
  const calls = texts.flatMap((text) => [
    ...text.matchAll(/\bapi\s*\.(GET|POST|PUT|PATCH|DELETE)\(\s*'([^']+)'/g),
  ]);
  return new Set(calls.map(([, verb, path]) => `${verb!} ${path!}`));
}

it('a command calls every operation of the service but those that are left to others for a reason', async () => {
  const { body } = await app.call('GET /openapi.json');
  const paths = body.paths as Record<string, Record<string, { operationId?: string }>>;
  const operations = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).flatMap(([verb, { operationId }]) =>
      operationId === undefined ? [] : [{ operationId, call: `${verb.toUpperCase()} ${path}` }],
    ),
  );
  const calls = called();
  expect(calls.size).toBeGreaterThan(80);
  const missing = operations.filter(({ operationId, call }) => !calls.has(call) && !isLeft(operationId));
  expect(missing).toEqual([]);
  const stale = Object.keys(LEFT_TO_OTHERS).filter(
    (name) => !operations.some(({ operationId }) => operationId === name || operationId.startsWith(name)),
  );
  expect(stale).toEqual([]);
});
