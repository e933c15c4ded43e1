/** The processes that the quota's bench compares: the service as `npm start` runs it, what it is compared with, and the load. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadOrder } from './quota-load.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LOADER = path.join(ROOT, 'test/support/typescript.js');
const ADMIN_KEY = 'sk-tally-bench-admin-Dm5kTz0pRu6y';

export type Peer = { readonly order: LoadOrder; readonly server: ChildProcess };

export async function startTally(urls: { redisUrl: string; databaseUrl: string }): Promise<ChildProcess> {
  return spawn(process.execPath, [...(await flagsOfStart()), path.join(ROOT, 'dist/main.js')], {
    env: {
      PATH: process.env['PATH'],
      ROLE: 'api',
      PORT: '0',
      ADMIN_API_KEY: ADMIN_KEY,
      REDIS_URL: urls.redisUrl,
      DATABASE_URL: urls.databaseUrl,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** With the service's own flags. */
export async function startBare(redisUrl: string, entity: string): Promise<ChildProcess> {
  return child('quota-bare.ts', [redisUrl, entity], await flagsOfStart());
}

export function startLoad(): ChildProcess {
  return child('quota-load.ts', [], []);
}

export async function stop(each: ChildProcess): Promise<void> {
  if (each.exitCode !== null) return;
  const ended = once(each, 'exit');
  each.kill('SIGTERM');
  await ended;
}

export async function urlOf(server: ChildProcess): Promise<string> {
  let output = '';
  for await (const chunk of server.stdout!) {
    output += String(chunk);
    const url = /"url":"(http:[^"]+)"[^\n]*"msg":"listening"/.exec(output)?.[1];
    if (url === undefined) continue;
    return url;
  }
  throw new Error(`the service did not start: ${output}`);
}

export async function callAsAdmin(
  url: string,
  method: string,
  route: string,
  body: object,
): Promise<{ secret: string }> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}${route}`, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${route}: ${await response.text()}`);
  return (await response.json()) as { secret: string };
}

/** User and system time of a process. Linux counts them in hundredths of a second. */
export async function cpuMicrosOf(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** The flags that `npm start` gives Node. */
export async function flagsOfStart(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}

export function child(file: string, args: string[], flags: readonly string[]): ChildProcess {
  return fork(path.join(ROOT, 'test/bench', file), args, { execArgv: [...flags, '--import', LOADER] });
}
