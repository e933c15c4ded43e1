/** The README of the client names a test for each loss that it rules out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const read = (...path: string[]) => readFileSync(join(import.meta.dirname, ...path), 'utf8');

it('the client’s README names only tests that exist', () => {
  const readme = read('../../packages/client/README.md');
  const names = [...readme.matchAll(/"([^"\n]{20,})"/g)].map((match) => match[1] ?? '');
  const tests = readdirSync(import.meta.dirname)
    .map((file) => read(file))
    .concat(read('../gateway/outbox.test.ts'));
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !tests.some((text) => text.includes(`it('${name}'`)))).toEqual([]);
});
