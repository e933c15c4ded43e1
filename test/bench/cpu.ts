/** Processor time of the service, of Postgres with all its backends and of Redis: what a call costs, however busy the machine is otherwise. */
import { readdir, readFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { postgresPid } from '../support/data-dir.js';
import type { ServiceProcess } from '../support/service-process.js';

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

type Stat = { readonly pid: number; readonly parent: number; readonly millis: number };

/** Of the service and of Postgres together. */
export async function cpuMillisOf({ pid }: ServiceProcess, dataDir: string): Promise<number> {
  const { node, postgres } = sumsOf(await allStats(), { pid, postmaster: await postgresPid(dataDir) });
  return node + postgres;
}

/** Microseconds. */
export type Cpu = { readonly node: number; readonly postgres: number; readonly redis: number };

/** `pid` is that of the process of Node. */
export async function cpuOf({
  pid,
  dataDir,
  redis,
}: {
  pid: number;
  dataDir: string;
  redis: Redis;
}): Promise<Cpu> {
  const [stats, postmaster, redisMicros] = await Promise.all([
    allStats(),
    postgresPid(dataDir),
    redisMicrosOf(redis),
  ]);
  const { node, postgres } = sumsOf(stats, { pid, postmaster });
  return { node: node * 1_000, postgres: postgres * 1_000, redis: redisMicros };
}

/** What was used between two readings, for each of `count`. */
export function cpuEach(before: Cpu, after: Cpu, count: number): Cpu {
  const each = (of: keyof Cpu) => (after[of] - before[of]) / count;
  return { node: each('node'), postgres: each('postgres'), redis: each('redis') };
}

export function total({ node, postgres, redis }: Cpu): number {
  return node + postgres + redis;
}

function sumsOf(stats: readonly Stat[], { pid, postmaster }: { pid: number; postmaster: number }) {
  const sum = (of: (stat: Stat) => boolean) =>
    stats.filter(of).reduce((millis, stat) => millis + stat.millis, 0);
  return {
    node: sum((stat) => stat.pid === pid),
    postgres: sum((stat) => stat.pid === postmaster || stat.parent === postmaster),
  };
}

async function allStats(): Promise<Stat[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  return Promise.all(pids.map(statOf));
}

/** A process that has ended meanwhile has used nothing. What has ended under the postmaster counts with it. */
async function statOf(pid: number): Promise<Stat> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
  return {
    pid,
    parent: fields[1] ?? 0,
    millis: (user + system + childrenUser + childrenSystem) * TICK_MS || 0,
  };
}

async function redisMicrosOf(redis: Redis): Promise<number> {
  const text = await redis.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(text)?.[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
}
