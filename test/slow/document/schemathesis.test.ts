/** Schemathesis: requests that it makes of the document, and answers that it holds against the document. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../../support/app.js';
import { type ApiDocument, operationsOf } from '../../support/api-document.js';
import { type Run, runSchemathesis } from './schemathesis.js';
import { aDocumentedService, type DocumentedService } from './service.js';

/** The whole file takes two minutes of a quiet machine with two cores; a busy one takes up to ten times as long. */
const TEST_MS_MAX = 1_200_000;

let tally: DocumentedService;
let document: ApiDocument;
beforeAll(async () => {
  tally = await aDocumentedService();
  document = tally.document as ApiDocument;
  // Webhooks that it makes up are sent nothing.
  await tally.pauseUpkeep();
});
afterAll(() => tally?.close());

/** Without a finding, all operations of the document and no other. */
function expectAllCalled({ code, printed, findings, statuses }: Run): void {
  expect(findings).toEqual([]);
  expect([code, code === 0 ? '' : printed]).toEqual([0, '']);
  expect([...statuses.keys()].toSorted()).toEqual(
    operationsOf(document)
      .map(([name]) => name)
      .toSorted(),
  );
}

/** About 9,500 are made: with fewer by half, something keeps it from making them. */
const REQUESTS_MIN = 5_000;
/** What is answered so has not come as far as the operation itself. */
const AT_THE_DOOR = new Set([400, 401, 403, 405, 406, 413, 415, 429]);

describe('what is asked as the document has it, and what is not', () => {
  it(
    'is answered as it says, with an admin’s key, which opens every operation',
    async () => {
      const { secret } = await tally.key('admin');
      const run = await runSchemathesis(tally, { secret, phases: 'examples,coverage,fuzzing' });
      expectAllCalled(run);
      expect(run.requests).toBeGreaterThan(REQUESTS_MIN);
      const unreached = [...run.statuses].filter(([, all]) => [...all].every((one) => AT_THE_DOOR.has(one)));
      expect(unreached).toEqual([]);
      // Some of what is made up revokes keys: this one is kept.
      expect((await tally.call('GET /v1/admin/keys', { key: secret })).status).toBe(200);
    },
    TEST_MS_MAX,
  );

  it(
    'is answered 401 without a key, but for what the document leaves open',
    async () => {
      const run = await runSchemathesis(tally, {
        secret: null,
        phases: 'fuzzing',
        flags: ['--mode', 'positive'],
      });
      expectAllCalled(run);
      const answered = operationsOf(document).map(([name]) => [name, [...run.statuses.get(name)!]]);
      const expected = operationsOf(document).map(([name, { security }]) => [
        name,
        security.length === 0 ? [200] : [401],
      ]);
      expect(answered).toEqual(expected);
    },
    TEST_MS_MAX,
  );

  it(
    'is answered as it says, with the key of one customer',
    async () => {
      const { secret } = await tally.key('finance', 'entity1');
      expectAllCalled(await runSchemathesis(tally, { secret, phases: 'fuzzing' }));
    },
    TEST_MS_MAX,
  );

  it('leaves the books in order and no error in the log', async () => {
    await tally.call('POST /v1/admin/queue/resume');
    await tally.settled();
    const { status, body } = await tally.call('GET /v1/admin/reconciliation');
    expect([status, body.ok, body.checks.filter(({ ok }: { ok: boolean }) => !ok)]).toEqual([200, true, []]);
    const errors = tally
      .log()
      .split('\n')
      .filter((line) => /"level":[56]0/.test(line));
    expect(errors).toEqual([]);
  });
});

type Changed = Answer['body'];

const ok = (changed: Changed, path: string): Changed => changed.paths[path].get.responses['200'];

/** Operations of which the document says something else than the service does, and the checks that find it. */
const CHANGES: readonly {
  readonly operation: string;
  readonly found: readonly string[];
  readonly change: (changed: Changed) => void;
}[] = [
  {
    operation: 'GET /v1/entities/{entity}/balance',
    found: ['response_schema_conformance'],
    change: (changed) => (changed.components.schemas.Balance.properties.credits_usd = { type: 'integer' }),
  },
  {
    operation: 'GET /v1/admin/queue',
    found: ['status_code_conformance'],
    change(changed) {
      const { responses } = changed.paths['/v1/admin/queue'].get;
      responses['203'] = responses['200'];
      delete responses['200'];
    },
  },
  {
    operation: 'GET /v1/admin/inbox',
    found: ['content_type_conformance'],
    change(changed) {
      const { content } = ok(changed, '/v1/admin/inbox');
      content['text/plain'] = content['application/json'];
      delete content['application/json'];
    },
  },
  {
    operation: 'GET /v1/admin/webhooks',
    found: ['response_headers_conformance'],
    change(changed) {
      const always = { required: true, schema: { type: 'string' } };
      ok(changed, '/v1/admin/webhooks').headers = { 'X-Not-Sent': always };
    },
  },
  {
    operation: 'GET /livez',
    found: ['ignored_auth', 'missing_required_header'],
    change: (changed) => (changed.paths['/livez'].get.security = [{ bearer: [] }]),
  },
  {
    operation: 'GET /v1/admin/plans',
    found: ['negative_data_rejection'],
    change(changed) {
      const { parameters } = changed.paths['/v1/admin/plans'].get;
      parameters.find(({ name }: { name: string }) => name === 'limit').schema.maximum = 5;
    },
  },
  {
    operation: 'GET /v1/admin/settings/retention',
    found: ['unsupported_method', 'allow_header_conformance'],
    change: (changed) => delete changed.paths['/v1/admin/settings/retention'].put,
  },
];

describe('a document that says something else than the service does', () => {
  it(
    'is found out by each of the checks',
    async () => {
      const changed = structuredClone(tally.document);
      for (const { change } of CHANGES) change(changed);
      const documentFile = join(tally.directory, 'changed.json');
      await writeFile(documentFile, JSON.stringify(changed));
      const { secret } = await tally.key('admin');
      const operations = CHANGES.map(({ operation }) => operation);
      const run = await runSchemathesis(tally, {
        documentFile,
        secret,
        phases: 'examples,coverage',
        operations,
      });
      const all = run.findings.map(({ operation, check }) => `${check} of ${operation}`);
      const expected = CHANGES.flatMap(({ operation, found }) =>
        found.map((check) => `${check} of ${operation}`),
      );
      expect([run.code, all.toSorted()]).toEqual([1, expected.toSorted()]);
      // Each says what is wrong, what was sent, and what was answered.
      expect(run.findings.find(({ check }) => check === 'response_schema_conformance')).toMatchObject({
        message: expect.stringContaining('is not of type "integer"'),
        sent: expect.stringMatching(/^GET http:.*\/balance /),
        answered: expect.stringMatching(/^200 \{"object":"balance"/),
      });
    },
    TEST_MS_MAX,
  );
});
