import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock } from '../../src/platform/clock.js';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import {
  documentOf,
  DocumentChecker,
  operationsOf,
  type ApiDocument,
  type Operation,
  type Parameter,
} from '../support/api-document.js';
import { until } from '../support/until.js';

let app: TestApp;
let document: ApiDocument;
let checker: DocumentChecker;
/** Ids that the service made, by the parameter that names them. */
const made = new Map<string, string>();

beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock(), environment: { WEBHOOK_ALLOW_PRIVATE: 'true' } });
  document = await documentOf(app);
  checker = new DocumentChecker(document);
});
afterAll(() => app.close());

const exampleOf = ({ example, schema }: Parameter): unknown =>
  example ?? (schema['examples'] as unknown[] | undefined)?.[0];

const bodyOf = ({ requestBody }: Operation): unknown => requestBody?.content['application/json']?.example;

/** Pages of which there is no next one yet. */
const CURSORS = new Set(['after', 'before', 'page', 'head']);

/** Sends the example as it stands; only ids that the service makes are those that it made. */
async function send(operationId: string): Promise<{ answer: Answer; problems: string[] }> {
  const [call, operation] = operationsOf(document).find(([, each]) => each.operationId === operationId)!;
  const given = operation.parameters.filter((each) => exampleOf(each) !== undefined);
  const value = (parameter: Parameter): string =>
    made.get(`${operationId.split('.', 1)[0]}.${parameter.name}`) ?? String(exampleOf(parameter));
  const of = (where: string) => given.filter((each) => each.in === where && !CURSORS.has(each.name));
  const path = of('path').reduce(
    (text, each) => text.replace(`{${each.name}}`, encodeURIComponent(value(each))),
    call,
  );
  const query = new URLSearchParams(
    of('query').map((each): [string, string] => [each.name, String(exampleOf(each))]),
  );
  const answer = await app.call(query.size === 0 ? path : `${path}?${query.toString()}`, {
    body: bodyOf(operation),
    headers: Object.fromEntries(of('header').map((each) => [each.name, value(each)])),
  });
  const isGood = answer.status >= 200 && answer.status < 300;
  return {
    answer,
    problems: [
      ...(isGood ? [] : [`${answer.status} ${answer.text}`]),
      ...checker.problems(operation, answer),
      ...storedNames(answer.body).map((name) => `shows ${name}, which is a name of ours`),
    ].map((problem) => `${operationId}: ${problem}`),
  };
}

/** Names as code or tables have them; names of the API have no capitals. */
function storedNames(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [
    ...(/^[a-z]+[A-Z]|_(picos|micros|ms_max)$/.test(name) ? [name] : []),
    ...storedNames(each),
  ]);
}

/** What is needed that no example makes, before the operation of this name. */
const BEFORE: Readonly<Record<string, () => Promise<unknown>>> = {
  'events.list': () =>
    until('the event is counted', async () => {
      const { body } = await app.call('GET /v1/entities/entity1/events');
      return body.data.length > 0;
    }),
  'deadLetters.list': () => aDeadLetter({ id: 'bad1' }),
  'deadLetters.discard': () => aDeadLetter({ id: 'bad2' }),
  'conflicts.list': async () => {
    await anEventWith({ data: { model: 'm', usage: { prompt_tokens: 1, completion_tokens: 1 } } });
    await until('there is a conflict', async () => {
      await remember('conflicts.id', 'GET /v1/admin/usage_conflicts');
      return made.has('conflicts.id');
    });
  },
  'decisions.explain': async () => {
    await app.limit('entity1', { max_concurrent_requests: 0 });
    const { body } = await app.call('POST /v1/quota/reservations', {
      body: { project: 'entity1/project1', model: 'acme-chat-1' },
    });
    const id = String(body.error.details.decision_id);
    made.set('decisions.id', id);
    // It is kept after the caller has its answer.
    await until('the denial is kept', async () => {
      return (await app.call(`GET /v1/quota/decisions/${id}`)).status === 200;
    });
  },
  'events.get': () => remember('events.event', 'GET /v1/entities/entity1/events'),
  'ledger.get': () => remember('ledger.entry', 'GET /v1/admin/entities/entity1/ledger'),
  'prices.get': () => remember('prices.id', 'GET /v1/admin/prices'),
  'jobs.get': () => remember('jobs.id', 'GET /v1/admin/jobs'),
  'corrections.get': () => remember('corrections.id', 'GET /v1/admin/usage_corrections'),
  'adminApiKeys.get': async () => {
    await app.key('owner', 'entity1');
    const headers = { 'openai-organization': 'entity1' };
    const { body } = await app.call('GET /v1/organization/admin_api_keys', { headers });
    made.set('adminApiKeys.key', body.data[0].id);
  },
  'entities.delete': () => app.call('PUT /v1/admin/entities/unused', { body: { plan: 'free' } }),
};

async function remember(name: string, list: string): Promise<void> {
  const { body } = await app.call(list);
  if (body.data.length > 0) made.set(name, body.data[0].id);
}

/** It is written after the caller has its receipt. */
async function aDeadLetter({ id }: { id: string }): Promise<void> {
  await anEventWith({ id, data: { model: 'm', usage: { prompt_tokens: -1 } } });
  await until('the dead letter is written', async () => {
    const { body } = await app.call('GET /v1/admin/dead_letters?status=open');
    const letter = (body.data as { id: string; event_id: string }[]).find((each) => each.event_id === id);
    if (letter !== undefined) made.set('deadLetters.id', letter.id);
    return letter !== undefined;
  });
}

async function anEventWith(change: object): Promise<void> {
  const example = bodyOf(document.paths['/v1/usage/events']!['post']!) as object;
  await app.call('POST /v1/usage/events', { body: { ...example, ...change } });
}

/** What the answer of an operation names for later ones: `quota.id` is the `{id}` of operations of quota. */
const MAKES: Readonly<Record<string, readonly string[]>> = {
  'quota.reserve': ['quota.id', 'holds.id'],
  'keys.create': ['keys.id'],
  'credits.grant': ['credits.grant'],
  'alerts.create': ['alerts.alert'],
  'serviceAlerts.create': ['serviceAlerts.alert'],
  'spendAlerts.create': ['spendAlerts.alert'],
  'projectSpendAlerts.create': ['projectSpendAlerts.alert'],
  'webhooks.create': ['webhooks.id', 'webhookDeliveries.id'],
  'webhooks.test': ['webhookDeliveries.delivery'],
};

/** In an order that makes what the next ones need; what ends something comes last. */
const FIRST = [
  'plans.put',
  'entities.put',
  'projects.put',
  'credits.grant',
  'prices.publish',
  'prices.import',
  'quota.reserve',
  'holds.get',
  'quota.extend',
  'leases.renew',
  'usageEvents.report',
  'events.list',
  'conflicts.list',
  'keys.create',
  'alerts.create',
  'serviceAlerts.create',
  'spendAlerts.create',
  'projectSpendAlerts.create',
  'webhooks.create',
  'webhooks.test',
  'spendLimits.set',
  'projectSpendLimits.set',
  'credits.freeze',
  'deadLetters.list',
  'deadLetters.get',
  'books.reconcile',
];
const LAST = [
  'conflicts.review',
  'conflicts.count',
  'deadLetters.replay',
  'deadLetters.discard',
  'usageEvents.void',
  'corrections.get',
  'quota.release',
  'leases.release',
  'credits.unfreeze',
  'credits.void',
  'keys.revoke',
  'alerts.delete',
  'serviceAlerts.delete',
  'spendAlerts.delete',
  'projectSpendAlerts.delete',
  'spendLimits.delete',
  'projectSpendLimits.delete',
  'webhookDeliveries.resend',
  'webhooks.delete',
  'decisions.explain',
  'entities.delete',
];

describe('the examples of the document work as they are sent', () => {
  it('every operation answers 2xx to its example, as the document says', async () => {
    const ids = operationsOf(document).map(([, { operationId }]) => operationId);
    const middle = ids.filter((id) => !FIRST.includes(id) && !LAST.includes(id));
    expect([...FIRST, ...LAST].filter((id) => !ids.includes(id))).toEqual([]);
    const problems: string[] = [];
    for (const id of [...FIRST, ...middle, ...LAST]) {
      await BEFORE[id]?.();
      if (id === 'entities.delete') made.set('entities.entity', 'unused');
      const { answer, problems: own } = await send(id);
      problems.push(...own);
      for (const name of MAKES[id] ?? []) made.set(name, answer.body.id);
    }
    const { body } = await app.call('GET /v1/admin/audit_log?limit=100');
    expect([problems, storedNames(body).filter((name) => !name.endsWith('_picos'))]).toEqual([[], []]);
  });

  it('every body has an example, every path parameter and every required one too, and each fits its schema, also of answers', () => {
    const without = operationsOf(document).flatMap(([call, operation]) => [
      ...Object.values(operation.requestBody?.content ?? {})
        .filter(({ example, schema }) => example === undefined || !checker.validator(schema!)(example))
        .map(() => `${call} body`),
      ...operation.parameters
        .filter((each) => {
          const example = exampleOf(each);
          if (example === undefined) return each.required === true || each.in === 'path';
          return !checker.validator(each.schema)(example);
        })
        .map(({ name }) => `${call} ${name}`),
    ]);
    const answers = Object.entries(document.components.schemas).filter(([, schema]) => 'examples' in schema);
    const wrong = answers.filter(([, schema]) =>
      (schema['examples'] as unknown[]).some((example) => !checker.validator(schema)(example)),
    );
    expect([without, wrong.map(([name]) => name)]).toEqual([[], []]);
    expect(answers.length).toBeGreaterThan(40);
    expect(JSON.stringify(document)).not.toMatch(/additionalProp\d/);
  });
});
