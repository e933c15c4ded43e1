/** Programs of Debian and Ubuntu for a test, unpacked and not installed; it needs no root. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = resolve(import.meta.dirname, '../../.data/debian-packages');
const STEP_MS_MAX = 120_000;

export type Unpacked = {
  /** Holds `usr`, `etc` and what else the packages have. */
  readonly root: string;
  /** Where their libraries are, which Debian keeps in the directory named after the machine's architecture. */
  readonly libraries: readonly string[];
};

/** These packages with the libraries that they need. The first call downloads them, later ones find them in `.data`. */
export async function unpackedPackages(packages: readonly string[]): Promise<Unpacked> {
  const root = join(CACHE, packages.join('+'));
  if (!(await exists(root))) await download(packages, root);
  const library = join(root, 'usr/lib');
  const entries = await readdir(library, { withFileTypes: true }).catch(() => []);
  const libraries = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(library, name));
  return { root, libraries };
}

function exists(directory: string): Promise<boolean> {
  return readdir(directory).then(
    () => true,
    () => false,
  );
}

/** Renamed into place when it is whole. */
async function download(packages: readonly string[], root: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(CACHE, 'download-'));
  const step = async (command: string, args: readonly string[]) => {
    const env = { ...process.env, LC_ALL: 'C' };
    return (await run(command, [...args], { cwd: draft, env, timeout: STEP_MS_MAX })).stdout;
  };
  try {
    const depends = await step('apt-cache', ['depends', '--important', ...packages]);
    // The scripts of web pages, libjs-…, are libraries of no program.
    const libraries = [...depends.matchAll(/^ {2}Depends: ((?:lib(?!js-)|zlib)\S+)$/gm)].map(
      ([, name]) => name!,
    );
    // Node would not run without the C library.
    const wanted = new Set([...packages, ...libraries.filter((name) => name !== 'libc6')]);
    await step('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...wanted]);
    for (const name of (await readdir(draft)).filter((file) => file.endsWith('.deb')))
      await step('dpkg', ['-x', name, 'root']);
    await rename(join(draft, 'root'), root).catch((error: NodeJS.ErrnoException) => {
      // Another process has been faster.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
