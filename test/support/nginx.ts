/** nginx for a test: the machine's own, or on Debian and Ubuntu the distribution's package, unpacked and not installed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackedPackages } from './debian-packages.js';
import { until } from './until.js';

const run = promisify(execFile);

type Binary = { readonly command: string; readonly env: NodeJS.ProcessEnv };

/** Where nginx is, or a sentence that says why it cannot be had here. */
export async function findNginx(): Promise<Binary | string> {
  const own = { command: 'nginx', env: { PATH: `${process.env['PATH']}:/usr/sbin` } };
  if (await works(own)) return own;
  try {
    const { root, libraries } = await unpackedPackages(['nginx']);
    const unpacked = {
      command: join(root, 'usr/sbin/nginx'),
      env: { LD_LIBRARY_PATH: libraries.join(':') },
    };
    if (await works(unpacked)) return unpacked;
    return 'nginx is not on the PATH, and the one of this distribution does not run here';
  } catch (error) {
    return `nginx is not on the PATH, and ${String(error).trim()}`;
  }
}

async function works({ command, env }: Binary): Promise<boolean> {
  return run(command, ['-V'], { env }).then(
    ({ stderr }) => stderr.includes('http_auth_request_module'),
    () => false,
  );
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
