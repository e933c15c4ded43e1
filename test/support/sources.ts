/** The source as text, for tests of its layout. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export type Source = {
  /** From the root of the project, with `/`. */
  readonly file: string;
  readonly folder: string;
  readonly text: string;
  /** What it imports, as it is written. */
  readonly imports: readonly string[];
};

export function sourcesIn(directory: string): Source[] {
  return filesIn(directory)
    .filter((name) => /\.tsx?$/.test(name) && !/(^|\/)(prisma|node_modules|dist|generated)\//.test(name))
    .map((name) => {
      const text = readFileSync(path.join(ROOT, directory, name), 'utf8');
      const folder = name.includes('/') ? name.slice(0, name.indexOf('/')) : '.';
      return { file: `${directory}/${name}`, folder, text, imports: importsOf(text) };
    });
}

/** Their names within the folder, with `/`. */
export function filesIn(directory: string): string[] {
  return readdirSync(path.join(ROOT, directory), { recursive: true, encoding: 'utf8' }).map((name) =>
    name.split(path.sep).join('/'),
  );
}

export function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:\bfrom\s+|import\(\s*)'([^']+)'|^import '([^']+)'/gm)].map(
    (match) => match[1] ?? match[2]!,
  );
}

/** The file that a relative import names. */
export function targetOf({ file }: Source, specifier: string): string {
  const name = path.posix.join(path.posix.dirname(file), specifier);
  const component = name.replace(/\.js$/, '.tsx');
  return existsSync(path.join(ROOT, component)) ? component : name.replace(/\.js$/, '.ts');
}

export function relativeTargets(source: Source): string[] {
  return source.imports.filter((name) => name.startsWith('.')).map((name) => targetOf(source, name));
}

/** Files that import each other in a circle, types included; each circle once. */
export function circles(sources: readonly Source[]): string[] {
  const targets = new Map(sources.map((source) => [source.file, relativeTargets(source)]));
  const state = new Map<string, 'open' | 'done'>();
  const found: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      found.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
      return;
    }
    state.set(file, 'open');
    for (const target of targets.get(file) ?? []) visit(target, [...trail, file]);
    state.set(file, 'done');
  };
  for (const { file } of sources) visit(file, []);
  return found;
}
