/** Reads the source and checks what no linter here can: who may import whom, and what may not be written. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const SRC = path.resolve(import.meta.dirname, '../src');

/** Every folder, with the folders that it may import from besides itself. A folder that is not listed fails. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  infra: ['domain'],
  store: ['infra', 'domain'],
  quota: ['store', 'infra', 'domain'],
  credits: ['quota', 'store', 'infra', 'domain'],
  usage: ['credits', 'quota', 'store', 'infra', 'domain'],
  reports: ['usage', 'credits', 'quota', 'store', 'infra', 'domain'],
  ingest: ['reports', 'usage', 'credits', 'quota', 'store', 'infra', 'domain'],
  http: ['reports', 'usage', 'credits', 'quota', 'store', 'infra', 'domain'],
  client: [],
  gateway: ['client'],
  '.': ['http', 'ingest', 'reports', 'usage', 'credits', 'quota', 'store', 'infra', 'domain'],
};

/** Packages that the pure core and the client may use. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  domain: ['node:crypto'],
};

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith(`store${path.sep}prisma${path.sep}`))
  .map((file) => ({
    file,
    folder: path.dirname(file).split(path.sep)[0]!,
    text: readFileSync(path.join(SRC, file), 'utf8'),
  }));

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'|^import '([^']+)'/gm)].map(
    (match) => match[1] ?? match[2]!,
  );
}

describe('the source', () => {
  it('has files in every folder of the import table and none outside it', () => {
    expect(
      [...new Set(files.map(({ folder }) => folder))].filter((folder) => !(folder in MAY_IMPORT)),
    ).toEqual([]);
    expect(files.length).toBeGreaterThan(40);
  });

  it('imports only from folders below', () => {
    const wrong = files.flatMap(({ file, folder, text }) =>
      importsOf(text)
        .filter((target) => target.startsWith('.'))
        .map((target) => path.relative(SRC, path.resolve(SRC, path.dirname(file), target)))
        .map((target) => (target.includes(path.sep) ? target.split(path.sep)[0]! : '.'))
        .filter((target) => target !== folder && !MAY_IMPORT[folder]?.includes(target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps the core free of packages', () => {
    const wrong = files.flatMap(({ file, folder, text }) => {
      const allowed = PACKAGES[folder];
      if (allowed === undefined) return [];
      return importsOf(text)
        .filter((target) => !target.startsWith('.') && !allowed.includes(target))
        .map((target) => `${file} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  const writtenOnlyIn = (pattern: RegExp, allowed: RegExp): string[] =>
    files.filter(({ file, text }) => pattern.test(text) && !allowed.test(file)).map(({ file }) => file);

  it('reads a clock only in infra/clock.ts, in the gateway and the client', () => {
    expect(
      writtenOnlyIn(
        /Date\.now\(|new Date\(\)/,
        /^(infra.clock\.ts|infra.(embedded|directory|server|process|redis-binary)|gateway|client)/,
      ),
    ).toEqual([]);
  });

  it('reads the environment only in the config files (PATH goes on to child processes)', () => {
    expect(
      writtenOnlyIn(/process\.env(?!\['PATH'\])(\.|\[)/, /^(config|gateway.config|gateway.demo.main)\.ts$/),
    ).toEqual([]);
  });

  it('writes SQL only in the store', () => {
    expect(writtenOnlyIn(/\$(query|execute)Raw/, /^store/)).toEqual([]);
    expect(writtenOnlyIn(/RawUnsafe/, /^$/)).toEqual([]);
  });

  it('has no number arithmetic on money and no escape from the types', () => {
    expect(writtenOnlyIn(/parseFloat|toFixed\(|Number\([a-zA-Z.]*[Pp]icos/, /^$/)).toEqual([]);
    expect(
      writtenOnlyIn(/\bas any\b|@ts-ignore|@ts-nocheck|@ts-expect-error|oxlint-disable|eslint-disable/, /^$/),
    ).toEqual([]);
  });

  it('has no file above 300 lines and no name that explains nothing', () => {
    expect(files.filter(({ text }) => text.split('\n').length > 301).map(({ file }) => file)).toEqual([]);
    expect(
      files
        .map(({ file }) => path.basename(file))
        .filter((name) => /utils?|helpers?|common|misc|^types|manager|V2/i.test(name)),
    ).toEqual([]);
  });
});
