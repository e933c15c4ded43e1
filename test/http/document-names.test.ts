import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { documentOf, operationsOf, type ApiDocument, type Schema } from '../support/api-document.js';

/** Values, not schemas. */
const DATA = new Set(['example', 'examples', 'enum', 'const', 'default', 'mapping']);

describe('a client that is generated from the document has readable names', () => {
  let app: TestApp;
  let document: ApiDocument;
  beforeAll(async () => {
    app = await anApp();
    document = await documentOf(app);
  });
  afterAll(() => app.close());

  /** Every schema, with where it stands. Components themselves are told by `isNamed`. */
  function schemas(): { at: string; schema: Schema; isNamed: boolean }[] {
    const found: { at: string; schema: Schema; isNamed: boolean }[] = [];
    const look = (node: unknown, at: string, isNamed: boolean): void => {
      if (typeof node !== 'object' || node === null) return;
      if (!Array.isArray(node)) found.push({ at, schema: node as Schema, isNamed });
      for (const [key, value] of Object.entries(node)) if (!DATA.has(key)) look(value, `${at}/${key}`, false);
    };
    for (const [name, schema] of Object.entries(document.components.schemas)) look(schema, name, true);
    look(document.paths, '', false);
    look(document.webhooks, '', false);
    return found;
  }

  const resolved = (schema: Schema | undefined): Schema | undefined =>
    typeof schema?.['$ref'] === 'string'
      ? document.components.schemas[schema['$ref'].split('/').at(-1) ?? '']
      : schema;

  const answered = (operationId: string): Schema | undefined => {
    const operation = operationsOf(document).find(([, each]) => each.operationId === operationId)?.[1];
    return operation?.responses['200']?.content?.['application/json']?.schema;
  };

  it('no object is without a name of ours', () => {
    const anonymous = schemas().filter(
      ({ schema, isNamed }) => !isNamed && schema['type'] === 'object' && schema['properties'] !== undefined,
    );
    expect(anonymous.map(({ at }) => at)).toEqual([]);
  });

  it('an enum that stands in several places is one component', () => {
    const places = new Map<string, string[]>();
    for (const { at, schema } of schemas()) {
      const values = schema['enum'];
      if (!Array.isArray(values)) continue;
      const key = JSON.stringify((values as string[]).toSorted());
      places.set(key, [...(places.get(key) ?? []), at]);
    }
    const repeated = [...places].filter(([values, at]) => at.length > 1 && !values.includes('"true"'));
    expect(repeated).toEqual([]);
  });

  it('the members of every union of objects can be told apart', () => {
    const untold = schemas().filter(({ schema }) => {
      const members = (schema['oneOf'] ?? schema['anyOf']) as Schema[] | undefined;
      const objects = (members ?? []).filter((member) => resolved(member)?.['type'] === 'object');
      return objects.length > 1 && schema['discriminator'] === undefined;
    });
    expect(untold.map(({ at }) => at)).toEqual([]);
    expect(document.components.schemas['AlertOrder']).toMatchObject({
      discriminator: {
        propertyName: 'kind',
        mapping: { low_balance: '#/components/schemas/LowBalanceAlertOrder' },
      },
    });
  });

  it('an object whose fields are named by others is one component, wherever it stands', () => {
    const maps = schemas().filter(
      ({ schema, isNamed }) =>
        !isNamed && schema['type'] === 'object' && typeof schema['additionalProperties'] === 'object',
    );
    expect(maps.map(({ at }) => at)).toEqual([]);
  });

  it('an integer that may pass 2^31 is an int64', () => {
    const short = schemas().filter(({ schema: { type, format, maximum = Infinity } }) => {
      const isInteger = [type].flat().includes('integer');
      return isInteger && format !== 'int64' && (maximum ?? 0) > 2 ** 31 - 1;
    });
    expect(short.map(({ at }) => at)).toEqual([]);
  });

  it('a time that is text has the format date-time', () => {
    const times = schemas().flatMap(({ at, schema }) =>
      Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)
        .filter(([name, field]) => /(_at|_from|^time)$/.test(name) && field['type'] === 'string')
        .filter(([, field]) => field['format'] !== 'date-time')
        .map(([name]) => `${at}/${name}`),
    );
    expect(times).toEqual([]);
  });

  it('an operation is called as a method of what it is about', () => {
    const ids = operationsOf(document).map(([, { operationId }]) => operationId);
    expect(ids.filter((id) => !/^[a-z][A-Za-z]+\.[a-z][A-Za-z]+$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining([
        'quota.reserve',
        'usageEvents.report',
        'credits.grant',
        'credits.void',
        'keys.rotate',
        'ledger.list',
        'statements.get',
        'customers.list',
        'organizationUsage.completions',
        'projectSpendLimits.set',
      ]),
    );
  });

  /** Lists that say less of each, or more than the list. */
  const OTHERS = new Map([
    ['jobs', 'JobSummary'],
    ['denials', 'DeniedDecision'],
  ]);

  it('x.list lists what x.get gets', () => {
    const ids = operationsOf(document).map(([, { operationId }]) => operationId);
    const tags = ids.filter((id) => id.endsWith('.list')).map((id) => id.split('.', 1)[0] ?? '');
    const strange = tags.filter((tag) => {
      const [list, got] = [answered(`${tag}.list`), answered(`${tag}.get`)];
      const { properties, oneOf } = resolved(list) ?? {};
      if (oneOf !== undefined) return false;
      const item = (properties as Record<string, Schema>)['data']?.['items'] as Schema;
      const name = String(item['$ref']).split('/').at(-1) ?? '';
      if (OTHERS.has(tag)) return OTHERS.get(tag) !== name;
      return (
        list?.['$ref'] !== `#/components/schemas/${name}List` ||
        (got !== undefined && got['$ref'] !== item['$ref'])
      );
    });
    expect(tags.length).toBeGreaterThan(20);
    expect(strange).toEqual([]);
  });

  it('every operation says in a sentence what it does, and in another who may call it', () => {
    const silent = operationsOf(document).filter(
      ([, { summary, description }]) => !summary || !description || description.endsWith('anyone.'),
    );
    expect(silent.map(([call]) => call)).toEqual([]);
  });
});
