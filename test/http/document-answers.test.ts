import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type CallOptions, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';
import { documentOf, DocumentChecker, operationsOf, type ApiDocument } from '../support/api-document.js';
import { ROUTES, type RouteCase } from '../support/routes.js';

const METHODS = ['GET', 'PUT', 'PATCH', 'DELETE', 'POST'];

describe('the document says what the service answers', () => {
  let app: TestApp;
  let document: ApiDocument;
  let checker: DocumentChecker;
  let financeKey: string;
  beforeAll(async () => {
    app = await anApp();
    document = await documentOf(app);
    checker = new DocumentChecker(document);
    financeKey = await app.key('finance', 'entity9');
  });
  afterAll(() => app.close());

  const operations = () => operationsOf(document).map(([, operation]) => operation);

  const problemsOf = async (
    route: RouteCase,
    change: Partial<RouteCase> & { key?: string | null } = {},
  ): Promise<string[]> => {
    const [verb = '', path = ''] = route.route.split(' ');
    const operation = document.paths[path]?.[verb.toLowerCase()];
    if (operation === undefined) return [`${route.route} is not in the document`];
    const { request, body, headers = {}, key = app.adminKey } = { ...route, ...change };
    return checker.problems(operation, await app.call(request, { body, headers, key, waits: false }));
  };

  it.each(ROUTES.map((route) => [route.route, route] as const))('%s', async (_, route) => {
    const [verb = '', path = ''] = route.route.split(' ');
    const [, target = ''] = route.request.split(' ');
    const other = METHODS.find((method) => document.paths[path]?.[method.toLowerCase()] === undefined);
    const { headers } = route;
    const changes = [
      {},
      { key: null },
      { key: financeKey },
      { request: `${verb} ${target.split('?')[0]}?colour=red` },
      { request: `${other} ${target}`, body: undefined },
      { headers: { ...headers, accept: 'application/nothing' } },
      { headers: { ...headers, 'if-match': '"another"', 'idempotency-key': 'k1' } },
      { headers: { ...headers, 'idempotency-key': 'k1' } },
      ...(verb === 'GET' ? [] : [{ body: { colour: 'red' } }, { body: '{', headers: { ...headers } }]),
      ...(route.body === undefined ? [] : [{ headers: { ...headers, 'content-type': 'text/plain' } }]),
    ];
    const problems: string[] = [];
    for (const change of changes) problems.push(...(await problemsOf(route, change)));
    expect(problems).toEqual([]);
  });

  it('rarer answers are documented too: denials, unknown models, repetitions, and bodies that are too long', async () => {
    const asked = async (call: string, options: CallOptions, status: number): Promise<string[]> => {
      const [verb = '', path = ''] = call.split(' ');
      const operation = document.paths[path]![verb.toLowerCase()]!;
      const answer = await app.call(call.replace('{entity}', 'rare'), options);
      expect([call, answer.status]).toEqual([call, status]);
      return checker.problems(operation, answer);
    };
    await app.limit('rare', { monthly_cap_usd: '0', overage: 'allowed' });
    const reserve = 'POST /v1/quota/reservations';
    const order = { project: 'rare/p', model: LLAMA };
    const grant = 'POST /v1/admin/entities/{entity}/credits';
    const headers = { 'idempotency-key': 'once' };
    const problems = [
      await asked(reserve, { body: order }, 429),
      await asked('GET /v1/quota/check', { headers: { 'openai-project': 'rare/p' } }, 429),
      await asked(reserve, { body: { ...order, model: 'nobody-knows' } }, 404),
      await asked(grant, { body: { amount_usd: '1' }, headers }, 201),
      await asked(grant, { body: { amount_usd: '1' }, headers }, 201),
      await asked(grant, { body: { amount_usd: '2' }, headers }, 422),
      await asked(grant, { body: { amount_usd: '1', note: 'x'.repeat(70_000) } }, 413),
      await asked('GET /v1/admin/entities/{entity}', {}, 200),
    ];
    expect(problems.flat()).toEqual([]);
    const replayed = await app.call(grant.replace('{entity}', 'rare'), {
      body: { amount_usd: '1' },
      headers,
    });
    expect(replayed.headers.get('idempotent-replayed')).toBe('true');
  });

  it('the examples of errors are errors of the document, and no operation answers what is not documented', () => {
    const examples = Object.values(document.components.responses).flatMap(({ content }) =>
      Object.values((content?.['application/json']?.examples ?? {}) as Record<string, { value: unknown }>),
    );
    const isError = checker.validator({ $ref: '#/components/schemas/ErrorAnswer' });
    expect(examples.length).toBeGreaterThan(15);
    expect(examples.filter(({ value }) => !isError(value))).toEqual([]);
    expect(operations().filter(({ responses }) => 'default' in responses)).toEqual([]);
  });

  it('every operation is sorted under a tag that is described, and says what it answers without a key', () => {
    const tags = new Set(document.tags.map(({ name }) => name));
    expect(document.tags.filter(({ description }) => description.startsWith('What concerns'))).toEqual([]);
    const undescribed = operations().filter(({ tags: own }) => !own.every((tag) => tags.has(tag)));
    expect(undescribed).toEqual([]);
    const silent = operations().filter(
      ({ security, responses }) =>
        security.length > 0 &&
        !['400', '401', '403', '429', '500', '503'].every((status) => status in responses),
    );
    expect(silent).toEqual([]);
  });

  it('a denial is documented where quota is decided, with its headers, and nowhere else', () => {
    const denied = operations().filter((operation) =>
      JSON.stringify(checker.response(operation, 429) ?? {}).includes('insufficient_quota'),
    );
    expect(denied.map(({ operationId }) => operationId).toSorted()).toEqual(['quota.check', 'quota.reserve']);
    for (const operation of denied)
      expect(Object.keys(checker.response(operation, 429)?.headers ?? {}).toSorted()).toEqual([
        'Retry-After',
        'Retry-After-Ms',
        'X-Quota-Decision',
        'X-Quota-Limit',
        'X-Request-Id',
        'X-Should-Retry',
      ]);
  });

  it('headers that are too long are refused as every operation says', async () => {
    const silent = operations().filter((operation) => checker.response(operation, 431) === undefined);
    expect(silent).toEqual([]);
    const headers = { 'x-filler': 'x'.repeat(17_000) };
    const answer = await app.call('GET /v1/admin/plans', { headers });
    expect(answer.status).toBe(431);
    expect(checker.problems(document.paths['/v1/admin/plans']!['get']!, answer)).toEqual([]);
  });

  it('a body that may be left out may be null, and no other', async () => {
    const bodies = operations().flatMap(({ operationId, requestBody }) =>
      requestBody === undefined ? [] : [{ operationId, ...requestBody }],
    );
    const taking = bodies.filter(({ content }) =>
      checker.validator(content['application/json']!.schema!)(null),
    );
    expect(taking.map(({ operationId }) => operationId)).toEqual(
      bodies.filter(({ required }) => !required).map(({ operationId }) => operationId),
    );
    expect(taking.length).toBeGreaterThan(2);
    for (const route of ROUTES.filter(({ body }) => body !== undefined)) {
      const [verb = '', path = ''] = route.route.split(' ');
      const { operationId, requestBody } = document.paths[path]![verb.toLowerCase()]!;
      // What takes no fields takes an empty object too, and says nothing of it.
      if (requestBody === undefined) continue;
      const isTaken = taking.some((each) => each.operationId === operationId);
      const { status } = await app.call(route.request, {
        body: null,
        headers: route.headers ?? {},
        waits: false,
      });
      // 422 where each of many things is answered for itself.
      expect([route.route, status === 400 || status === 422]).toEqual([route.route, !isTaken]);
    }
  });

  it('is OpenAPI 3.1 of this version, and names the server that it came from', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '0.1.0' }, servers: [{ url: '/' }] });
  });

  it('errors are JSON, also of what answers CSV or text', () => {
    for (const path of ['/v1/exports/focus.csv', '/metrics'])
      for (const status of [400, 401, 503]) {
        const response = checker.response(document.paths[path]!['get']!, status);
        expect(Object.keys(response?.content ?? {})).toEqual(['application/json']);
      }
  });

  it('money has a pattern wherever it stands', () => {
    const bare: string[] = [];
    const look = (value: unknown, at: string): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, each] of Object.entries(value)) {
        const schema = each as { type?: unknown; pattern?: unknown } | null;
        if (key.endsWith('_usd') && [schema?.type].flat().includes('string') && schema?.pattern === undefined)
          bare.push(`${at}.${key}`);
        look(each, `${at}.${key}`);
      }
    };
    look(document.components.schemas, '');
    expect(bare).toEqual([]);
  });

  it('an installation that denies with 402 documents 402', async () => {
    const other = await anApp({ environment: { QUOTA_DENIED_STATUS: '402' } });
    const { paths, components } = await documentOf(other);
    await other.close();
    const reserve = paths['/v1/quota/reservations']?.['post'];
    const name = reserve?.responses['402']?.$ref?.split('/').at(-1) ?? '';
    expect(JSON.stringify(components.responses[name])).toContain('insufficient_quota');
    expect(Object.keys(reserve?.responses ?? {})).toContain('429');
  });
});
