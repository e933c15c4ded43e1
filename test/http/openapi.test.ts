import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { anApp, type TestApp } from '../support/app.js';
import type { TestClock } from '../support/test-clock.js';

type Operation = {
  operationId: string;
  summary: string;
  responses: Record<string, unknown>;
  parameters: Parameter[];
};
type Parameter = { name: string; in: string };
type Document = {
  paths: Record<
    string,
    Record<string, Operation & { requestBody?: { content: object }; security?: unknown }>
  >;
  components: { schemas: Record<string, { required?: string[]; properties?: Record<string, unknown> }> };
};

describe('the API document', () => {
  let app: TestApp;
  let document: Document;
  beforeAll(async () => {
    app = await anApp();
    document = (await app.call('GET /openapi.json', { key: null })).body;
  });
  afterAll(() => app.close());

  const operations = () => Object.values(document.paths).flatMap((verbs) => Object.values(verbs));

  it('is valid OpenAPI', async () => {
    const result = await new Validator().validate(document);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  it('refers to nothing that it does not hold', () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1] ?? '',
    );
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
  });

  it('gives each operation a name of its own and a summary', () => {
    const names = operations().map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(operations().filter(({ summary }) => !summary)).toEqual([]);
  });

  it('shows what a route takes as the schema that parses it: amounts are strings', () => {
    expect(document.components.schemas['GrantOrder']).toMatchObject({
      required: ['amount_usd'],
      properties: { amount_usd: { type: 'string', examples: ['12.5'] } },
    });
    const grant = document.paths['/v1/admin/entities/{entity}/credits']?.['post'];
    expect(grant?.parameters.map(({ name }) => name).toSorted()).toEqual([
      'Idempotency-Key',
      'dry_run',
      'entity',
    ]);
    expect(JSON.stringify(grant?.requestBody)).toContain('#/components/schemas/GrantOrder');
    expect(JSON.stringify(grant?.responses['201'])).toContain('#/components/schemas/CreditGrant');
    expect(JSON.stringify(grant?.responses['400'])).toContain('#/components/responses/InvalidRequest');
    expect(grant?.security).toEqual([{ bearer: [] }]);
  });

  it('shows the query of a list, and the usage event', () => {
    const list = document.paths['/v1/admin/prices']?.['get'];
    expect(list?.parameters.map(({ name, in: where }) => `${where} ${name}`).toSorted()).toEqual([
      'query after',
      'query at',
      'query entity',
      'query limit',
      'query model',
      'query order',
      'query source',
    ]);
    expect(document.components.schemas['UsageEvent']?.required).toContain('subject');
    const report = document.paths['/v1/usage/events']?.['post'];
    expect(Object.keys(report?.requestBody?.content ?? {})).toEqual(['application/json']);
  });

  it('is rebuilt before the time in its example of usage is too old to be taken', async () => {
    const made = async (): Promise<{ time: string; rest: string }> => {
      const { body, text } = await app.call('GET /openapi.json', { key: null });
      const { example } = body.paths['/v1/usage/events'].post.requestBody.content['application/json'];
      // Logs of LiteLLM are usage too.
      const rest = text.replace(`"time":"${example.time}"`, '').replace(/"startTime":\d+,"endTime":\d+/, '');
      return { time: example.time, rest };
    };
    const before = await made();
    expect(await made()).toEqual(before);
    (app.clock as TestClock).advance(8 * 86_400_000);
    const after = await made();
    expect(Date.parse(after.time) - Date.parse(before.time)).toBe(8 * 86_400_000);
    expect(after.rest).toBe(before.rest);
  });

  it('has a page that loads from this server alone', async () => {
    const page = await app.call('GET /docs', { key: null });
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.text).not.toMatch(/https?:\/\//);
    for (const [, path] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const asset = await app.call(`GET ${path}`, { key: null });
      expect([path, asset.status, asset.text.length > 100]).toEqual([path, 200, true]);
    }
  });
});
