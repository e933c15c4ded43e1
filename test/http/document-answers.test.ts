import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { ROUTES, type RouteCase } from '../support/routes.js';

type Response = { $ref?: string; content?: Record<string, { schema?: object; examples?: object }> };
type Operation = {
  operationId: string;
  tags: string[];
  responses: Record<string, Response>;
  security?: object[];
};
type Document = {
  openapi: string;
  info: { version: string };
  servers: object[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; responses: Record<string, Response> };
};

describe('the document says what the service answers', () => {
  let app: TestApp;
  let document: Document;
  let ajv: Ajv2020;
  beforeAll(async () => {
    app = await anApp();
    document = (await app.call('GET /openapi.json', { key: null })).body;
    ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'tally', components: document.components });
  });
  afterAll(() => app.close());

  const operations = () => Object.values(document.paths).flatMap((verbs) => Object.values(verbs));

  function resolved(response: Response | undefined): Response | undefined {
    const name = response?.$ref?.split('/').at(-1) ?? '';
    return response?.$ref === undefined ? response : document.components.responses[name];
  }

  function validatorOf(response: Response): ValidateFunction | null {
    const schema = response.content?.['application/json']?.schema;
    if (schema === undefined) return null;
    return ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"tally#/')));
  }

  const problemsOf = async (route: RouteCase, key: string | null): Promise<unknown> => {
    const [verb = '', path = ''] = route.route.split(' ');
    const operation = document.paths[path]?.[verb.toLowerCase()];
    const { request, body, headers = {} } = route;
    const answer = await app.call(request, { body, headers, key, waits: false });
    const response = resolved(operation?.responses[answer.status] ?? operation?.responses['default']);
    if (response === undefined) return `${answer.status} is not in the document: ${answer.text}`;
    const isValid = answer.body === null ? null : validatorOf(response);
    return isValid === null || isValid(answer.body) ? null : [answer.status, isValid.errors, answer.text];
  };

  it.each(ROUTES.map((route) => [route.route, route] as const))('%s', async (_, route) => {
    const unknown = { ...route, request: `${route.request.split('?')[0]}?colour=red` };
    const problems = [
      await problemsOf(route, app.adminKey),
      await problemsOf(route, null),
      await problemsOf(unknown, app.adminKey),
    ];
    expect(problems).toEqual([null, null, null]);
  });

  it('the examples of errors are errors of the document', () => {
    const examples = Object.values(document.components.responses).flatMap(({ content }) =>
      Object.values((content?.['application/json']?.examples ?? {}) as Record<string, { value: unknown }>),
    );
    const isError = ajv.compile({ $ref: 'tally#/components/schemas/Error' });
    expect(examples.length).toBeGreaterThan(15);
    expect(examples.filter(({ value }) => !isError(value))).toEqual([]);
  });

  it('every operation is sorted under a tag that is described, and says what it answers without a key', () => {
    const tags = new Set(document.tags.map(({ name }) => name));
    expect(document.tags.filter(({ description }) => description.startsWith('What concerns'))).toEqual([]);
    const undescribed = operations().filter(({ tags: own }) => !own.every((tag) => tags.has(tag)));
    expect(undescribed).toEqual([]);
    const silent = operations().filter(
      ({ security, responses }) =>
        security?.length !== 0 && !['400', '401', '403', '500', '503'].every((status) => status in responses),
    );
    expect(silent).toEqual([]);
  });

  it('is OpenAPI 3.1 of this version, and names the server that it came from', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '0.1.0' }, servers: [{ url: '/' }] });
  });

  it('errors are JSON, also of what answers CSV or text', () => {
    for (const path of ['/v1/exports/focus.csv', '/metrics'])
      expect(Object.keys(document.paths[path]?.['get']?.responses['default']?.content ?? {})).toEqual([
        'application/json',
      ]);
  });

  it('money has a pattern wherever it stands', () => {
    const bare: string[] = [];
    const look = (value: unknown, at: string): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, each] of Object.entries(value)) {
        const schema = each as { type?: unknown; pattern?: unknown } | null;
        if (key.endsWith('_usd') && schema?.type === 'string' && schema.pattern === undefined)
          bare.push(`${at}.${key}`);
        look(each, `${at}.${key}`);
      }
    };
    look(document.components.schemas, '');
    expect(bare).toEqual([]);
  });
});
