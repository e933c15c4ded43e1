/**
 * Writes what the page knows of the API, from the newest document in docs/openapi: the types of every call, and which roles may make it.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import openapiTypes, { astToString } from 'openapi-typescript';

const DOCUMENTS = join(import.meta.dirname, '../../docs/openapi');
const INTO = join(import.meta.dirname, 'generated');
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

const [newest] = readdirSync(DOCUMENTS)
  .filter((name) => name.endsWith('.json'))
  .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
const document = JSON.parse(readFileSync(join(DOCUMENTS, newest), 'utf8'));

mkdirSync(INTO, { recursive: true });
writeFileSync(join(INTO, 'document.d.ts'), astToString(await openapiTypes(document)));
writeFileSync(
  join(INTO, 'roles.ts'),
  `/** Generated: which roles may make each call. */\nexport const ROLES = ${JSON.stringify(rolesIn(document), null, 2)} as const;\n`,
);

/** The document says of each operation `Key role: admin or owner.`, or `Needs no key.` */
function rolesIn({ paths }) {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => method in methods).map((method) => [
      `${method.toUpperCase()} ${path}`,
      methods[method].description ?? '',
    ]),
  );
  return Object.fromEntries(
    operations.flatMap(([name, description]) => {
      const [, roles] = /^Key role: ([a-z ]+)\./.exec(description) ?? [];
      return roles === undefined ? [] : [[name, roles.split(' or ')]];
    }),
  );
}
