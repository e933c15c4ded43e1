/** Reads the source and checks what no linter here can: who may import whom, and what may not be written. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  circles,
  filesIn,
  importsOf,
  relativeTargets,
  ROOT,
  sourcesIn,
  targetOf,
  type Source,
} from './support/sources.js';

/** The folders of src, lowest first: a folder imports only from those before it. `.` is the wiring beside them. */
const ORDER = [
  'domain',
  'platform',
  'http',
  'access',
  'jobs',
  'prices',
  'accounts',
  'credits',
  'quota',
  'metering',
  'corrections',
  'periods',
  'reports',
  'alerts',
  'books',
  'retention',
  'inbox',
  'upkeep',
  '.',
];

/** What the pure core may use besides itself. */
const DOMAIN_PACKAGES = ['node:crypto', '@tally/client/protocol'];

const src = sourcesIn('src');
const packages = ['cli', 'client', 'gateway'].map((name) => ({
  name,
  sources: sourcesIn(`packages/${name}/src`),
  dependencies: dependenciesIn(`packages/${name}/package.json`),
}));
const all = [...src, ...packages.flatMap(({ sources }) => sources)];
const tests = sourcesIn('test');
const page = sourcesIn('packages/console/src');

/** The folder of src that a file stands in. */
function dependenciesIn(file: string): string[] {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(
    readFileSync(path.join(ROOT, file), 'utf8'),
  ) as Record<string, object>;
  return Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
}

function folderOf(file: string): string {
  const [, folder = '.', ...rest] = file.split('/');
  return rest.length === 0 ? '.' : folder;
}

describe('the layout', () => {
  it('lists every folder of the source in its order, and no other', () => {
    expect([...new Set(src.map(({ folder }) => folder))].toSorted()).toEqual(ORDER.toSorted());
  });

  it('imports only from folders lower in the order', () => {
    const wrong = src.flatMap((source) =>
      relativeTargets(source)
        .filter(
          (target) =>
            !target.startsWith('src/') || ORDER.indexOf(folderOf(target)) > ORDER.indexOf(source.folder),
        )
        .map((target) => `${source.file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('imports in no circle', () => {
    expect(circles(all)).toEqual([]);
  });

  it('imports in no circle within the console, but for a route that loads its page when it is opened', () => {
    const loadedLater = (source: Source): Source =>
      path.posix.basename(source.file) === 'route.ts'
        ? { ...source, imports: importsOf(source.text.replaceAll(/\bimport\([^)]*\)/g, '')) }
        : source;
    expect(circles(page.map(loadedLater))).toEqual([]);
  });

  it('finds a circle of two files that share only types', () => {
    const file = (name: string, other: string): Source => {
      const text = `import type { A } from './${other}.js';`;
      return { file: `src/quota/${name}.ts`, folder: 'quota', text, imports: importsOf(text) };
    };
    expect(circles([file('a', 'b'), file('b', 'a')])).toEqual([
      'src/quota/a.ts → src/quota/b.ts → src/quota/a.ts',
    ]);
  });

  it('keeps the core free of packages', () => {
    const wrong = src
      .filter(({ folder }) => folder === 'domain')
      .flatMap(({ file, imports }) =>
        imports
          .filter((name) => !name.startsWith('.') && !DOMAIN_PACKAGES.includes(name))
          .map((name) => `${file} imports ${name}`),
      );
    expect(wrong).toEqual([]);
  });

  it('lets a package import only itself, Node and what its package.json names', () => {
    const wrong = packages.flatMap(({ name, sources, dependencies }) =>
      sources.flatMap((source) =>
        source.imports
          .filter((specifier) =>
            specifier.startsWith('.')
              ? !targetOf(source, specifier).startsWith(`packages/${name}/src/`)
              : !specifier.startsWith('node:') &&
                !dependencies.some((each) => specifier === each || specifier.startsWith(`${each}/`)),
          )
          .map((specifier) => `${source.file} imports ${specifier}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('names each file once in the tree', () => {
    const names = src.map(({ file }) => path.posix.basename(file));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('mirrors the folders of the source in the tests', () => {
    const others = ['bench', 'cli', 'client', 'gateway', 'simulation', 'slow', 'support'];
    const known = new Set([...ORDER, ...others]);
    expect([...new Set(tests.map(({ folder }) => folder))].filter((folder) => !known.has(folder))).toEqual(
      [],
    );
  });
});

describe('the source', () => {
  const writtenOutside = (pattern: RegExp, allowed: RegExp): string[] =>
    all.filter(({ file, text }) => pattern.test(text) && !allowed.test(file)).map(({ file }) => file);
  const nowhere = /^$/;

  it('reads a clock only in platform/clock.ts, for embedded servers, and in the packages', () => {
    expect(
      writtenOutside(/Date\.now\(|new Date\(\)/, /^(src\/platform\/(clock\.ts|embedded\/)|packages\/)/),
    ).toEqual([]);
  });

  it('reads the environment only in the config files (PATH goes on to child processes)', () => {
    expect(
      writtenOutside(
        /process\.env(?!\['PATH'\])(\.|\[)/,
        /^(src\/config|packages\/gateway\/src\/(config|demo\/main))\.ts$/,
      ),
    ).toEqual([]);
  });

  it('writes SQL only in *.sql.ts', () => {
    expect(writtenOutside(/\$(query|execute)Raw|Prisma\.sql|\.query\(/, /\.sql\.ts$/)).toEqual([]);
    expect(writtenOutside(/RawUnsafe/, nowhere)).toEqual([]);
  });

  it('passes arrays to SQL in one way only', () => {
    // From the cast back to the `${` that opens its parameter.
    const casts = src.flatMap(({ file, text }) =>
      [...text.matchAll(/\}::[a-z]+\[\]/g)].map(({ index }) => {
        let [start, depth] = [index, 1];
        while (depth > 0) depth += { '}': 1, '{': -1 }[text[(start -= 1)]!] ?? 0;
        return { file, parameter: text.slice(start + 1, index) };
      }),
    );
    expect(casts.length).toBeGreaterThan(100);
    expect(casts.filter(({ parameter }) => !/^\s*pgArray\(/.test(parameter))).toEqual([]);
  });

  it('connects to Postgres in one place only, apart from migrations and the making of a database', () => {
    expect(
      writtenOutside(
        /new (pg\.)?(Pool|Client|PrismaClient)\(|\bpool\.(query|connect)\(/,
        /^src\/platform\/(database|purpose-pool|pooled-sessions|migrate|service-role|snapshot\.sql|embedded\/database-creation\.sql)\.ts$/,
      ),
    ).toEqual([]);
  });

  it('reads reports through connections of their own', () => {
    const reports = src.filter(({ folder }) => folder === 'reports');
    expect(reports.filter(({ text }) => /\bdatabase\.(reader|transaction)\b/.test(text))).toEqual([]);
    expect(
      reports.filter(({ text }) => /: (ReportsDatabase|LaggingReports)\b/.test(text)).length,
    ).toBeGreaterThan(4);
  });

  it('reaches into no other folder for its SQL', () => {
    const wrong = src.flatMap((source) =>
      relativeTargets(source)
        .filter((target) => target.endsWith('.sql.ts') && folderOf(target) !== source.folder)
        .map((target) => `${source.file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no number arithmetic on money and no escape from the types', () => {
    expect(writtenOutside(/parseFloat|Number\([a-zA-Z.]*[Pp]icos/, nowhere)).toEqual([]);
    // A Decimal's own digits, not a rounded number's.
    expect(writtenOutside(/toFixed\(/, /^src\/platform\/decimal-column\.ts$/)).toEqual([]);
    const escape = /\bas any\b|@ts-ignore|@ts-nocheck|@ts-expect-error|oxlint-disable|eslint-disable/;
    expect([...all, ...page].filter(({ text }) => escape.test(text)).map(({ file }) => file)).toEqual([]);
  });

  it('has no file above 300 lines and no name that explains nothing', () => {
    const styles = filesIn('packages/console/src')
      .filter((name) => name.endsWith('.css'))
      .map((name) => `packages/console/src/${name}`)
      .map((file) => ({ file, text: readFileSync(path.join(ROOT, file), 'utf8') }));
    expect(styles.length).toBeGreaterThan(4);
    expect(
      [...all, ...page, ...styles, ...tests]
        .filter(({ text }) => text.split('\n').length > 301)
        .map(({ file }) => file),
    ).toEqual([]);
    expect(
      [...all, ...page]
        .map(({ file }) => path.posix.basename(file))
        .filter((name) => /utils?|helpers?|common|misc|^types|manager|V2/i.test(name)),
    ).toEqual([]);
  });
});
