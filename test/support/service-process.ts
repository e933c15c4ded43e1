/** The service as processes of its own, as it is deployed: several APIs and a worker over one Postgres and one Redis. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { until } from './until.js';

const ROOT = resolve(import.meta.dirname, '..', '..');

export type ServiceProcess = {
  readonly url: string;
  /** Asks it to end, and resolves with its exit code. */
  stop(): Promise<number | null>;
};

export async function aServiceProcess(
  environment: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, ['--import', './test/support/typescript.js', 'src/main.ts'], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], PORT: '0', ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const exited = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
  await until('the process listens', () => {
    if (child.exitCode !== null) throw new Error(`the service ended with code ${child.exitCode}: ${output}`);
    return output.includes('"listening"');
  });
  return {
    url: /"url":"(http[^"]+)"/.exec(output)?.[1] ?? '',
    async stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
