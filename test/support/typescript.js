/** Lets plain Node run our TypeScript: `node --import ./test/support/typescript.js file.ts`. For tests and their scripts, not for production. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { dirname, join, resolve as absolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread, threadId } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

const require = createRequire(import.meta.url);
const CACHE = absolute(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'typescript');
/** A change of the compiler or of this file compiles everything again. */
const VERSION = require('@swc/core/package.json').version + readFileSync(import.meta.filename, 'utf8');
const GLOBALS = new URL('./jest/globals.js', import.meta.url).href;

/** Our imports end in `.js`, as TypeScript wants them, where the file is `.ts`. */
export async function resolve(specifier, context, next) {
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
    const typescript = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(typescript)) return { url: typescript.href, shortCircuit: true };
  }
  // Jest's own throws wherever Jest's runtime is not.
  if (specifier === '@jest/globals') return { url: GLOBALS, shortCircuit: true };
  // Our packages by their source: nothing has to be built before it is tested.
  return next(specifier, { ...context, conditions: ['@tally/source', ...context.conditions] });
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const path = fileURLToPath(url);
  const { code, map } = compiledFile(path);
  if (!existsSync(code)) compile(path, code, map);
  return { format: 'module', source: readFileSync(code, 'utf8'), shortCircuit: true };
}

/** Where the JavaScript of a TypeScript file is kept, with its source map. */
export function compiledFile(path) {
  const key = createHash('sha1').update(VERSION).update(path).update(readFileSync(path)).digest('hex');
  return { code: join(CACHE, `${key}.js`), map: join(CACHE, `${key}.js.map`) };
}

function compile(path, codeFile, mapFile) {
  // Loaded only where something has changed: it takes longer than all the rest.
  const { code, map } = require('@swc/core').transformFileSync(path, {
    sourceMaps: true,
    module: { type: 'es6' },
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
  });
  write(mapFile, map);
  write(codeFile, `${code}\n//# sourceMappingURL=${pathToFileURL(mapFile).href}\n`);
}

/** Whole or not at all: other processes compile the same files. */
function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.${threadId}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}
