/** Prometheus and promtool for a test: the machine's own, or on Debian and Ubuntu the distribution's package, unpacked and not installed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Answer } from './app.js';
import { unpackedPackages } from './debian-packages.js';
import { until } from './until.js';

const run = promisify(execFile);
const PROMTOOL_MS_MAX = 120_000;

/** The directory that has both programs. Throws where they cannot be had here. */
export async function findPrometheus(): Promise<string> {
  for (const directory of ['/usr/bin', '/usr/local/bin']) if (await works(directory)) return directory;
  const { root } = await unpackedPackages(['prometheus']);
  const unpacked = join(root, 'usr/bin');
  if (await works(unpacked)) return unpacked;
  throw new Error('the prometheus of this distribution does not run here');
}

async function works(directory: string): Promise<boolean> {
  const answers = ['promtool', 'prometheus'].map((name) => run(join(directory, name), ['--version']));
  return Promise.all(answers).then(
    () => true,
    () => false,
  );
}

/** What promtool prints; throws with that where it finds fault. */
export async function promtool(args: readonly string[], input = ''): Promise<string> {
  const child = run(join(await findPrometheus(), 'promtool'), [...args], { timeout: PROMTOOL_MS_MAX });
  child.child.stdin?.end(input);
  const { stdout, stderr } = await child.catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`promtool ${args.slice(0, 2).join(' ')}: ${error.stdout}${error.stderr}`);
  });
  return stdout + stderr;
}

export type Prometheus = {
  /** `ask('/api/v1/rules')`: the `data` of its answer. */
  ask(path: string): Promise<Answer['body']>;
  stop(): Promise<void>;
};

/** A real one, with its data in a directory of its own. */
export async function startPrometheus(configuration: string): Promise<Prometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'tally-prometheus-run-'));
  await writeFile(join(directory, 'prometheus.yaml'), configuration);
  const args = [
    `--config.file=${join(directory, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
  ];
  const child = spawn(join(await findPrometheus(), 'prometheus'), args, {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (chunk) => (printed += String(chunk)));
  const ended = once(child, 'close');
  const address = () => /msg="Listening on" address=(\S+)/.exec(printed)?.[1];
  await until('Prometheus is ready', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended: ${printed}`);
    if (address() === undefined) return false;
    return fetch(`http://${address()}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  const url = `http://${address()}`;
  return {
    async ask(path) {
      const { data } = (await (await fetch(`${url}${path}`)).json()) as { data: unknown };
      return data;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
