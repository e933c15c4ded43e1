/** nginx for a test: the machine's own, or on Debian and Ubuntu the distribution's package, unpacked and not installed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { until } from './until.js';

const run = promisify(execFile);
const CACHE = resolve(import.meta.dirname, '../../.data/nginx-binary');
const DOWNLOAD_MS_MAX = 60_000;

type Binary = { readonly command: string; readonly env: NodeJS.ProcessEnv };

/** Where nginx is, or a sentence that says why it cannot be had here. */
export async function findNginx(): Promise<Binary | string> {
  const own = { command: 'nginx', env: { PATH: `${process.env['PATH']}:/usr/sbin` } };
  if (await works(own)) return own;
  const unpacked = await unpackedIn(CACHE);
  if (await works(unpacked)) return unpacked;
  const failure = await download().then(
    () => 'the one of this distribution does not run here',
    (error: unknown) => String(error).trim(),
  );
  const downloaded = await unpackedIn(CACHE);
  return (await works(downloaded)) ? downloaded : `nginx is not on the PATH, and ${failure}`;
}

async function works({ command, env }: Binary): Promise<boolean> {
  return run(command, ['-V'], { env }).then(
    ({ stderr }) => stderr.includes('http_auth_request_module'),
    () => false,
  );
}

/** Its libraries lie beside it, in the directory that Debian names after the machine's architecture. */
async function unpackedIn(root: string): Promise<Binary> {
  const library = join(root, 'usr', 'lib');
  const directories = await readdir(library, { withFileTypes: true }).catch(() => []);
  const path = directories.filter((entry) => entry.isDirectory()).map(({ name }) => join(library, name));
  return { command: join(root, 'usr', 'sbin', 'nginx'), env: { LD_LIBRARY_PATH: path.join(':') } };
}

/** Needs no root. Renamed into place when it is whole. */
async function download(): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(tmpdir(), 'tally-nginx-'));
  const step = async (command: string, args: string[]) =>
    (await run(command, args, { cwd: draft, timeout: DOWNLOAD_MS_MAX })).stdout;
  try {
    const depends = await step('apt-cache', ['depends', '--important', 'nginx']);
    const libraries = [...depends.matchAll(/^ {2}Depends: ((?:lib|zlib)\S+)$/gm)].map((match) => match[1]!);
    const wanted = ['nginx', ...libraries.filter((name) => name !== 'libc6')];
    await step('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...wanted]);
    const packages = (await readdir(draft)).filter((name) => name.endsWith('.deb'));
    for (const name of packages) await step('dpkg', ['-x', name, 'root']);
    await rm(CACHE, { recursive: true, force: true });
    await rename(join(draft, 'root'), CACHE).catch(() => run('cp', ['-r', join(draft, 'root'), CACHE]));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

export type Nginx = { stop(): Promise<void> };

/** Runs with this configuration, in the foreground and in a directory of its own, until it is stopped. */
export async function startNginx(
  { command, env }: Binary,
  configuration: string,
  url: string,
): Promise<Nginx> {
  const directory = await mkdtemp(join(tmpdir(), 'tally-nginx-run-'));
  // Its workers, who are somebody else when root starts it, must get through to it.
  await chmod(directory, 0o755);
  await writeFile(join(directory, 'nginx.conf'), configuration);
  const args = ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;'];
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let printed = '';
  child.stderr.on('data', (chunk) => (printed += String(chunk)));
  const ended = once(child, 'close');
  await until('nginx listens', async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${printed}`);
    return fetch(url).then(
      () => true,
      () => false,
    );
  });
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
