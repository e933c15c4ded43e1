/** Writes the types of every call from the newest document in docs/openapi. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import openapiTypes, { astToString } from 'openapi-typescript';

const DOCUMENTS = join(import.meta.dirname, '../../docs/openapi');
const INTO = join(import.meta.dirname, 'src/generated');

const [newest] = readdirSync(DOCUMENTS)
  .filter((name) => name.endsWith('.json'))
  .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
const document = JSON.parse(readFileSync(join(DOCUMENTS, newest ?? ''), 'utf8'));

mkdirSync(INTO, { recursive: true });
// Without the option, fields with a default would be required of callers.
const types = await openapiTypes(document, { defaultNonNullable: false });
writeFileSync(join(INTO, 'api.ts'), astToString(types));
