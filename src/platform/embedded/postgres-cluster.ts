/** The files of the embedded PostgreSQL: where they lie, and making them once. */
import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedServerError, type Log } from './embedded-server-error.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { canReach, type ServerUser } from './server-user.js';

const run = promisify(execFile);
const ELSEWHERE = '/var/lib/tally-';

/**
 * `dataDir/postgres`. Where the user postgres cannot get there (root's home is closed to it), a new cluster goes to
 * /var/lib and `dataDir/postgres` is a link to it.
 */
export async function clusterDirectory(dataDir: string, user: ServerUser | null, log: Log): Promise<string> {
  const path = join(dataDir, 'postgres');
  if (user === null) return path;
  const linked = await readlink(path).catch(() => null);
  if (linked !== null) return linked;
  if (await canReach(user, dataDir)) return path;
  if (await exists(path)) throw new EmbeddedServerError(unreachableMessage(dataDir));
  const home = await mkdtemp(ELSEWHERE);
  await chmod(home, 0o711);
  const cluster = join(home, 'postgres');
  await symlink(cluster, path);
  log('the user postgres cannot enter the data directory, so its files go elsewhere', {
    data_dir: dataDir,
    cluster,
  });
  return cluster;
}

function unreachableMessage(dataDir: string): string {
  return (
    `PostgreSQL's user postgres cannot enter ${dataDir}. Open it and the directories above it (chmod o+x), ` +
    'move it and set DATA_DIR, or set DATABASE_URL.'
  );
}

export interface Initialisation {
  cluster: string;
  binaries: PostgresBinaries;
  user: ServerUser | null;
  superuser: { name: string; password: string };
}

/** Creates the cluster if it is missing; an interrupted creation starts over. */
export async function initialiseCluster(initialisation: Initialisation): Promise<void> {
  const { cluster, binaries } = initialisation;
  const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => null);
  if (version === null) return makeCluster(initialisation);
  if (version.trim() === binaries.majorVersion) return;
  throw new EmbeddedServerError(
    `${cluster} was made by PostgreSQL ${version.trim()}, and this is PostgreSQL ${binaries.majorVersion}: ` +
      'dump it with the old version of Tally and load it into a new DATA_DIR, or set DATABASE_URL.',
  );
}

/** Made under another name first, so that a directory under the right name is always whole. */
async function makeCluster({ cluster, binaries, user, superuser }: Initialisation): Promise<void> {
  const draft = `${cluster}.new`;
  const passwordFile = `${draft}.password`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await writeFile(passwordFile, `${superuser.password}\n`, { mode: 0o600 });
  if (user !== null) await Promise.all([draft, passwordFile].map((path) => chown(path, user.uid, user.gid)));
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const account = [`--username=${superuser.name}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  try {
    await run(binaries.initdb, [`--pgdata=${draft}`, ...account, ...locale, '--no-instructions'], {
      ...user,
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    });
  } catch (error) {
    throw new EmbeddedServerError(`initdb failed: ${printed(error)}`, { cause: error });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, cluster);
}

/** What a program that failed had printed, where it has. */
function printed(error: unknown): string {
  if (error instanceof Error && 'stderr' in error && String(error.stderr) !== '')
    return String(error.stderr).trim();
  return error instanceof Error ? error.message : String(error);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
