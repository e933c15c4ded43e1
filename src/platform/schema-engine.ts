/** Prisma's schema engine in its WebAssembly build, joined to a pool of `pg`. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as schemaEngine from '@prisma/schema-engine-wasm/schema_engine_bg';
import { __wbg_set_wasm as setWasm } from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { Pool } from 'pg';
import { isolateStatements } from './postgres-adapter.js';

/** The caller frees the engine, ends the pool, and holds the engine's lock. `local`: what each transaction begins with, behind a pooler. */
export async function openSchemaEngine(
  pool: Pool,
  { schema, local }: { schema: string; local: readonly string[] },
): Promise<schemaEngine.SchemaEngine> {
  await loadEngine();
  const factory = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool, schema, local));
  return schemaEngine.SchemaEngine.new({ datamodels: undefined }, () => undefined, factory);
}

/** The engine's own lock is a session's, which a pooler would keep for its next client. */
const ENGINE_LOCK = /^\s*select\s+pg_advisory_lock\(/i;

/**
 * Prisma's adapter cuts a script at every semicolon, also within a function's body or a comment. Sent whole and
 * without parameters, Postgres takes it apart itself and runs it as one transaction.
 */
class WholeScripts extends PrismaPg {
  constructor(
    pool: Pool,
    schema: string,
    private readonly local: readonly string[],
  ) {
    super(pool, { schema });
  }

  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    const wholeRaw = adapter.executeRaw.bind(adapter);
    const before = this.local.map((statement) => `${statement}; `).join('');
    if (this.local.length > 0) isolateStatements(adapter);
    const executeRaw = adapter.executeRaw.bind(adapter);
    adapter.executeRaw = async (query) => (ENGINE_LOCK.test(query.sql) ? 0 : executeRaw(query));
    adapter.executeScript = async (script) => {
      await wholeRaw({ sql: before + script, args: [], argTypes: [] });
    };
    return adapter;
  }
}

let loaded: Promise<void> | null = null;

/** Its JavaScript imports the WebAssembly in a way that only bundlers understand, so the two are joined here. */
function loadEngine(): Promise<void> {
  loaded ??= instantiateEngine();
  return loaded;
}

async function instantiateEngine(): Promise<void> {
  const script = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bytes = await readFile(script.replace(/\.js$/, '.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': engineImports() });
  setWasm(instance.exports);
  const start = instance.exports['__wbindgen_start'];
  if (typeof start === 'function') start();
}

/** The engine leaves the timer of its lock running, which would keep the process alive for ten seconds. */
function engineImports(): Record<string, unknown> {
  const setTimer = (run: () => void, ms: number) => setTimeout(run, ms).unref();
  const imports = Object.entries(schemaEngine);
  return Object.fromEntries(
    imports.map(([name, value]) => [name, name.startsWith('__wbg_setTimeout') ? setTimer : value]),
  );
}
