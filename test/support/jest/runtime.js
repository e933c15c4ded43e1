/**
 * Jest's `runtime` option: imports test files with Node's own loader. Jest's own runtime gives every test file a new vm context
 * and loads Nest, Prisma and swagger into it once more, seconds for each of a hundred files; here they stay loaded.
 * The price: the test files of one process share their modules, so no module may hold state that a test changes
 * (and there is no `jest.mock`, no coverage and no watch mode). The environment gives each file its own `process.env`.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compiledFile } from '../typescript.js';
import { setGlobals } from './globals.js';

const require = createRequire(import.meta.url);

export default class NativeRuntime {
  /** jest-circus keeps its tests in its module: every test file needs a new one. */
  requireInternalModule(path) {
    delete require.cache[path];
    delete globalThis[Symbol.for('EVENT_HANDLERS')];
    return require(path);
  }

  setGlobalsForRuntime(globals) {
    setGlobals(globals);
  }

  unstable_shouldLoadAsEsm() {
    return true;
  }

  unstable_importModule(path) {
    return import(pathToFileURL(path).href);
  }

  requireModule(path) {
    return require(path);
  }

  getSourceMaps() {
    return { get: sourceMapOf, *[Symbol.iterator]() {} };
  }

  getAllCoverageInfoCopy() {
    return undefined;
  }

  enterTestCode() {}
  leaveTestCode() {}
  teardown() {}
}

/** @param {string} name A stack frame's file: a path or a URL. */
function sourceMapOf(name) {
  const path = name.startsWith('file:') ? fileURLToPath(name) : name;
  return path.endsWith('.ts') && existsSync(path) ? compiledFile(path).map : undefined;
}
