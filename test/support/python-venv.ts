/** Python packages of named versions for a test, in a virtual environment of their own that later runs use again. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DIRECTORY = resolve(import.meta.dirname, '../../.data/python');
const INSTALL_MS_MAX = 600_000;
const PRINTED_BYTES_MAX = 256 * 1024 * 1024;

export type PythonVenv = {
  /** A program of the environment: `python`, or what a package installs. */
  program(name: string): string;
};

type Wanted = {
  /** One for each test, since tests run side by side. */
  readonly name: string;
  /** All packages with their versions, as `pip freeze` prints them: what is not named is not installed. */
  readonly requirements: readonly string[];
  /** The oldest Python that they take, such as 3.12. */
  readonly python?: string;
};

/** The environment, or a sentence that says why it cannot be had here. */
export async function aPythonVenv({
  name,
  requirements,
  python = '3.9',
}: Wanted): Promise<PythonVenv | string> {
  const command = await findPython(python);
  if (command === null) return `Python ${python} or newer is needed, with its module venv`;
  const directory = join(DIRECTORY, name);
  const marker = join(directory, 'installed');
  const content = createHash('sha256')
    .update(JSON.stringify([command, requirements]))
    .digest('hex');
  const venv = { program: (program: string) => join(directory, 'bin', program) };
  if ((await readFile(marker, 'utf8').catch(() => null)) === content) return venv;
  await rm(directory, { recursive: true, force: true });
  await run(command, ['-m', 'venv', directory]);
  // Python compiles what it imports, which is a small part of some packages.
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-input', '--no-compile'];
  await run(venv.program('python'), ['-m', 'pip', 'install', ...quiet, '--no-deps', ...requirements], {
    timeout: INSTALL_MS_MAX,
    maxBuffer: PRINTED_BYTES_MAX,
  });
  // Written last: an environment that an interrupted run left behind is built again.
  await writeFile(marker, content);
  return venv;
}

/** The first on the PATH or of pyenv that is new enough and can make environments. */
async function findPython(oldest: string): Promise<string | null> {
  const pyenv = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions');
  const versions = (await readdir(pyenv).catch((): string[] => [])).toSorted();
  const candidates = [
    'python3',
    ...['3.12', '3.13', '3.14'].map((version) => `python${version}`),
    ...versions.map((version) => join(pyenv, version, 'bin', 'python3')),
  ];
  const [major, minor] = oldest.split('.');
  const isFit = `import sys, venv, ensurepip; sys.exit(sys.version_info < (${major}, ${minor}))`;
  for (const candidate of candidates) {
    const works = await run(candidate, ['-c', isFit]).then(
      () => true,
      () => false,
    );
    if (works) return candidate;
  }
  return null;
}
