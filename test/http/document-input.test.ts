import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import {
  documentOf,
  operationsOf,
  type ApiDocument,
  type Parameter,
  type Schema,
} from '../support/api-document.js';
import { withinSchema } from '../support/input-schemas.js';
import { ROUTES } from '../support/routes.js';
import { strangersTo, valuesOf } from '../support/schema-values.js';

let app: TestApp;
let document: ApiDocument;
beforeAll(async () => {
  app = await anApp();
  document = await documentOf(app);
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
  await app.call('PUT /v1/admin/entities/entity1/projects/project1', { body: {} });
});
afterAll(() => app.close());

/** Every schema of what a client sends, with its place. */
function inputs(): [at: string, schema: Schema][] {
  return operationsOf(document).flatMap(([route, { parameters, requestBody }]) => [
    ...parameters.flatMap((each) => withinSchema(document, each.schema, `${route} ${each.in} ${each.name}`)),
    ...Object.values(requestBody?.content ?? {}).flatMap(({ schema }) =>
      withinSchema(document, schema!, `${route} body`),
    ),
  ]);
}

const isOf = (schema: Schema, type: string) => [schema.type].flat().includes(type);

describe('the document says what each field takes', () => {
  it('no text is any text', () => {
    const bare = inputs().filter(
      ([, schema]) =>
        isOf(schema, 'string') &&
        [schema.pattern, schema.format, schema.maxLength, schema.enum, schema.const].every(
          (rule) => rule === undefined,
        ),
    );
    expect(inputs().length).toBeGreaterThan(500);
    expect(bare.map(([at]) => at)).toEqual([]);
  });

  it('every number has a least and a greatest value', () => {
    const bare = inputs().filter(
      ([, schema]) =>
        (isOf(schema, 'integer') || isOf(schema, 'number')) &&
        (schema.minimum === undefined || schema.maximum === undefined) &&
        schema.enum === undefined,
    );
    expect(bare.map(([at]) => at)).toEqual([]);
  });

  it('a query shows numbers as numbers, flags as flags, and what may stand several times as a list', () => {
    const types = new Map<string, Set<string>>();
    for (const [, { parameters }] of operationsOf(document))
      for (const { name, in: where, schema } of parameters)
        if (where === 'query')
          types.set(name, new Set([...(types.get(name) ?? []), JSON.stringify(schema.type ?? 'other')]));
    const typesOf = (...names: string[]) => names.map((name) => [name, [...(types.get(name) ?? [])]]);
    const all = (type: string, ...names: string[]) =>
      expect(typesOf(...names)).toEqual(names.map((name) => [name, [JSON.stringify(type)]]));
    all('integer', 'limit', 'start_time', 'end_time', 'effective_at[gte]', 'effective_at[lt]');
    all('boolean', 'dry_run', 'allow_free', 'allow_lossy', 'overwrite', 'batch', 'include_archived');
    all('array', 'project_ids', 'models', 'group_by', 'meter', 'tag');
  });
});

describe('a parameter of a query', () => {
  /** These name a row, a page or a head that there was: the schema cannot say which. */
  const NAMING = new Set(['after', 'before', 'page']);
  /** Rules between fields, one of which may be a default. */
  const BETWEEN = /must lie (?:after|at most)|where bucket_width is|must be that of the subject/;

  async function askWith({ route, name, value }: { route: string; name: string; value: unknown }) {
    const found = ROUTES.find((each) => each.route === route);
    if (found === undefined) throw new Error(`${route} is not in test/support/routes.ts`);
    const [verb, url = ''] = found.request.split(' ');
    const [path, before] = url.split('?');
    const query = new URLSearchParams(before);
    query.delete(name);
    for (const each of [value].flat()) query.append(name, String(each));
    const { headers = {}, body } = found;
    const answer = await app.call(`${verb} ${path}?${query.toString()}`, { headers, body, waits: false });
    const { param = null, message = '' } = answer.body?.error ?? {};
    return { status: answer.status, param, message: String(message) };
  }

  const parameters = (): { route: string; parameter: Parameter }[] =>
    operationsOf(document).flatMap(([route, { parameters }]) =>
      parameters.flatMap((parameter) => (parameter.in === 'query' ? [{ route, parameter }] : [])),
    );

  /** What of the answers to these values is a problem, by `problemOf`. */
  async function problems(
    valuesFor: (parameter: Parameter) => unknown[],
    problemOf: (name: string, answer: Awaited<ReturnType<typeof askWith>>) => boolean,
  ): Promise<unknown[]> {
    const found: unknown[] = [];
    for (const { route, parameter } of parameters()) {
      const { name } = parameter;
      const answers = valuesFor(parameter).map(async (value) => {
        const answer = await askWith({ route, name, value });
        return problemOf(name, answer) ? [{ route, name, value, ...answer }] : [];
      });
      found.push(...(await Promise.all(answers)).flat());
    }
    return found;
  }

  it('is not refused where it has a value that its schema takes', async () => {
    expect(parameters().length).toBeGreaterThan(200);
    const refused = await problems(
      ({ name, schema }) => (NAMING.has(name) ? [] : valuesOf(document, schema, 7)),
      (name, { status, param, message }) =>
        status >= 500 || (status === 400 && param === name && !BETWEEN.test(message)),
    );
    expect(refused).toEqual([]);
  });

  it('is refused by its name where it has a value that its schema does not take', async () => {
    const taken = await problems(
      ({ schema }) => strangersTo(document, schema),
      (name, { status, param }) => status !== 400 || param !== name,
    );
    expect(taken).toEqual([]);
  });
});
