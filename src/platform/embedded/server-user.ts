/** Whom PostgreSQL runs as. It refuses root, so root's servers run as the user `postgres`, made if it is missing. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EmbeddedServerError } from './embedded-server-error.js';

const run = promisify(execFile);

export interface ServerUser {
  uid: number;
  gid: number;
}

/** Null unless we are root: then the server may simply be ours. */
export async function serverUser(): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null;
  const known = await postgresUser();
  if (known !== null) return known;
  try {
    await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/bin/false',
      'postgres',
    ]);
  } catch (error) {
    // Another process that started at the same time may have made it.
    if ((await postgresUser()) === null) throw new EmbeddedServerError(userMessage, { cause: error });
  }
  const made = await postgresUser();
  if (made === null) throw new EmbeddedServerError(userMessage);
  return made;
}

const userMessage =
  'PostgreSQL does not run as root, and the user postgres cannot be made: ' +
  'make it (useradd --system postgres), start as another user, or set DATABASE_URL.';

async function postgresUser(): Promise<ServerUser | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

/** True if the user may enter the directory, which takes every directory above it too. */
export async function canReach(user: ServerUser, directory: string): Promise<boolean> {
  return run('test', ['-x', directory], { uid: user.uid, gid: user.gid, cwd: '/' }).then(
    () => true,
    () => false,
  );
}
