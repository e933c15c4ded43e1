/**
 * The document compared with that of the last release, docs/openapi/<version>.json: what a caller of that release relies on is still there.
 * `UPDATE_DOCUMENT=1 npm run test:slow -- document/released` writes the document of the version that package.json names, at a release.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../../support/app.js';
import { tryProgram } from '../../support/program.js';
import { GO_FILES, goTool } from './programs.js';
import { aDocumentedService, type DocumentedService } from './service.js';

const RELEASED = resolve(import.meta.dirname, '../../../docs/openapi');
const ROOT_PACKAGE = resolve(import.meta.dirname, '../../../package.json');

type Document = Answer['body'];
/** Beyond oasdiff's own: generated clients name their methods, types and modules by these. */
const SEVERITY = join(GO_FILES, 'oasdiff-severity.txt');

let tally: DocumentedService;
let oasdiff: string;
beforeAll(async () => {
  tally = await aDocumentedService();
  oasdiff = await goTool('github.com/oasdiff/oasdiff');
});
afterAll(() => tally?.close());

/** One line for each change that breaks a caller of `before`. */
async function breaksBetween(before: string, after: string): Promise<string[]> {
  const flags = ['--fail-on', 'WARN', '--severity-levels', SEVERITY, '--color', 'never'];
  const args = ['breaking', before, after, '--format', 'singleline', ...flags];
  const { code, stdout, stderr } = await tryProgram(oasdiff, args);
  const lines = stdout.split('\n').filter((line) => /^(error|warning)\b/.test(line));
  // 1 is the answer that there are some; anything else but 0 is a failure of the program.
  expect([code, stderr, lines.length > 0]).toEqual([lines.length > 0 ? 1 : 0, '', lines.length > 0]);
  return lines;
}

/** By the newest version. */
async function lastReleased(): Promise<string> {
  const names = (await readdir(RELEASED)).filter((name) => name.endsWith('.json'));
  const newest = names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  expect(newest).toBeDefined();
  return join(RELEASED, newest!);
}

async function changed(change: (document: Document) => void): Promise<string> {
  const copy: Document = structuredClone(tally.document);
  change(copy);
  const file = join(tally.directory, 'changed.json');
  await writeFile(file, JSON.stringify(copy));
  return file;
}

const schema = (document: Document, name: string): Document => document.components.schemas[name];
const operation = (document: Document, verb: string, path: string): Document => document.paths[path][verb];
const RESERVE = ['post', '/v1/quota/reservations'] as const;

const BREAKING: Readonly<Record<string, (document: Document) => void>> = {
  'a path that is gone': (document) => delete document.paths['/v1/quota/check'],
  'an operation that is gone': (document) => delete document.paths['/v1/admin/keys'].get,
  'an operation of another name': (document) => (operation(document, ...RESERVE).operationId = 'quota.take'),
  'an operation under another tag': (document) => (operation(document, ...RESERVE).tags = ['holds']),
  'another status of success': (document) => {
    const { responses } = operation(document, ...RESERVE);
    responses['200'] = responses['201'];
    delete responses['201'];
  },
  'a new parameter that must be sent': (document) =>
    operation(document, 'get', '/v1/admin/keys').parameters.push({
      name: 'must',
      in: 'query',
      required: true,
      schema: { type: 'string' },
    }),
  'a field that must be sent from now on': (document) =>
    schema(document, 'ReservationOrder').required.push('input_tokens'),
  'a new field that must be sent': (document) => {
    schema(document, 'ReservationOrder').properties.region_name = { type: 'string' };
    schema(document, 'ReservationOrder').required.push('region_name');
  },
  'a bound that is narrower': (document) =>
    (schema(document, 'ReservationOrder').properties.ttl_seconds.maximum = 10),
  'an enum that takes less': (document) => schema(document, 'CreditCategory').enum.shift(),
  'an enum that answers more': (document) => schema(document, 'LeaseReason').enum.push('other'),
  'a field of an answer that is gone': (document) => {
    const balance = schema(document, 'Balance');
    delete balance.properties.debt_usd;
    balance.required = balance.required.filter((name: string) => name !== 'debt_usd');
  },
  'a field of an answer that was there at times': (document) =>
    delete schema(document, 'Reservation').properties.degraded,
  'a field of an answer that may be missing': (document) => schema(document, 'Balance').required.pop(),
  'a field of an answer that may be null': (document) =>
    (schema(document, 'Balance').properties.credits_usd.type = ['string', 'null']),
  'a field of an answer of another type': (document) =>
    (schema(document, 'Balance').properties.as_of = { type: 'string' }),
  'a type of another name': (document) => {
    const text = JSON.stringify(document).replaceAll('schemas/Forecast"', 'schemas/Outlook"');
    Object.assign(document, JSON.parse(text));
    document.components.schemas.Outlook = document.components.schemas.Forecast;
    delete document.components.schemas.Forecast;
  },
};

describe('the document and that of the last release', () => {
  it('nothing that a caller of it relies on has changed', async () => {
    if (process.env['UPDATE_DOCUMENT'] === '1') {
      const { version } = JSON.parse(await readFile(ROOT_PACKAGE, 'utf8'));
      await writeFile(join(RELEASED, `${version}.json`), `${JSON.stringify(tally.document, null, 2)}\n`);
    }
    expect(await breaksBetween(await lastReleased(), tally.documentFile)).toEqual([]);
  });

  it.each(Object.entries(BREAKING))('finds %s', async (_, change) => {
    expect(await breaksBetween(tally.documentFile, await changed(change))).not.toEqual([]);
  });

  it('finds nothing in what is only added', async () => {
    const added = await changed((document) => {
      schema(document, 'Balance').properties.more_usd = { type: 'string' };
      schema(document, 'Balance').required.push('more_usd');
      schema(document, 'ReservationOrder').properties.note = { type: 'string' };
      document.paths['/v1/more'] = {
        get: { ...operation(document, 'get', '/v1/admin/inbox'), operationId: 'inbox.more' },
      };
    });
    expect(await breaksBetween(tally.documentFile, added)).toEqual([]);
  });
});
