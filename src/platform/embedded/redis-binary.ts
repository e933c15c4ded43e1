/** Finds a Redis to run: the machine's own, or on Debian and Ubuntu the distribution's package, unpacked and not installed. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedServerError, type Log } from './embedded-server-error.js';

const run = promisify(execFile);
const STEP_SECONDS_MAX = 180;
const PACKAGES = ['redis-server', 'redis-tools'];

export interface RedisBinary {
  command: string;
  env: NodeJS.ProcessEnv;
}

/** `cacheDir` keeps what was downloaded, for the next start and for processes that start at the same time. */
export async function findRedis({ cacheDir, log }: { cacheDir: string; log: Log }): Promise<RedisBinary> {
  const unpacked = join(cacheDir, 'redis');
  for (const find of [
    () => onPath('redis-server'),
    () => onPath('valkey-server'),
    () => unpackedIn(unpacked),
  ]) {
    const binary = await find();
    if (binary !== null && (await isNewEnough(binary))) return binary;
  }
  log('no Redis on the PATH: downloading the one of this distribution', { into: unpacked });
  const failure = await download(cacheDir, unpacked).then(
    () => 'it does not run here, or it is older than 6.2',
    (error: unknown) => String(error).trim(),
  );
  const binary = await unpackedIn(unpacked);
  if (binary !== null && (await isNewEnough(binary))) return binary;
  throw new EmbeddedServerError(
    'No redis-server or valkey-server 6.2 or newer on the PATH. Install one (apt-get install redis-server, ' +
      `dnf install valkey, brew install redis) or set REDIS_URL. Downloading it did not work: ${failure}`,
  );
}

async function onPath(name: string): Promise<RedisBinary> {
  return { command: name, env: { PATH: process.env['PATH'] } };
}

/** Its libraries lie beside it, in the directory that Debian names after the machine's architecture. */
async function unpackedIn(root: string): Promise<RedisBinary | null> {
  const library = join(root, 'usr', 'lib');
  const directories = await readdir(library, { withFileTypes: true }).catch(() => []);
  const path = directories.filter((entry) => entry.isDirectory()).map((entry) => join(library, entry.name));
  return path.length === 0
    ? null
    : { command: join(root, 'usr', 'bin', 'redis-server'), env: { LD_LIBRARY_PATH: path.join(':') } };
}

async function isNewEnough({ command, env }: RedisBinary): Promise<boolean> {
  const { stdout } = await run(command, ['--version'], { env }).catch(() => ({ stdout: '' }));
  const [, major = '0', minor = '0'] = /\bv=(\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2);
}

/** Needs no root. Renamed into place when it is whole. */
async function download(cacheDir: string, target: string): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const draft = await mkdtemp(join(cacheDir, 'download-'));
  try {
    await downloadPackages(draft);
    const packages = (await readdir(draft)).filter((name) => name.endsWith('.deb'));
    const root = join(draft, 'root');
    for (const name of packages) await step('dpkg', ['-x', join(draft, name), root], draft);
    await rm(target, { recursive: true, force: true });
    await rename(root, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** With the machine's package lists, or, where they are missing or old, with fresh ones of our own. */
async function downloadPackages(directory: string): Promise<void> {
  try {
    await downloadWith([], directory);
  } catch {
    const lists = join(directory, 'apt');
    await mkdir(join(lists, 'lists', 'partial'), { recursive: true });
    const ours = ['-o', `Dir::State::Lists=${join(lists, 'lists')}`, '-o', `Dir::Cache=${lists}`];
    await step('apt-get', [...ours, '-o', 'Debug::NoLocking=1', ...sandbox, 'update'], directory);
    await downloadWith(ours, directory);
  }
}

/** Else apt, when root, downloads as a user who cannot write to our directory. */
const sandbox = ['-o', 'APT::Sandbox::User=root'];

async function downloadWith(options: string[], directory: string): Promise<void> {
  const depends = await step('apt-cache', [...options, 'depends', '--important', ...PACKAGES], directory);
  // First choices only: the alternatives are indented further. The C library is there, or Node would not run.
  const libraries = [...depends.matchAll(/^  Depends: ((?:lib|lua)\S+)$/gm)].map((match) => match[1] ?? '');
  const wanted = libraries.filter((name) => !/^libc6$/.test(name));
  await step('apt-get', [...options, ...sandbox, 'download', ...PACKAGES, ...new Set(wanted)], directory);
}

async function step(command: string, args: string[], directory: string): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  const { stdout } = await run(command, args, { cwd: directory, env, timeout: STEP_SECONDS_MAX * 1000 });
  return stdout;
}
