/** Processor time of the service and of Postgres with all its backends: what a call costs, however busy the machine is otherwise. */
import { readdir, readFile } from 'node:fs/promises';
import { postgresPid } from '../support/data-dir.js';
import type { ServiceProcess } from '../support/service-process.js';

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

export async function cpuMillisOf({ pid }: ServiceProcess, dataDir: string): Promise<number> {
  const postmaster = await postgresPid(dataDir);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(pids.map(statOf));
  const counted = stats.filter(
    (stat) => stat.pid === pid || stat.pid === postmaster || stat.parent === postmaster,
  );
  return counted.reduce((sum, { millis }) => sum + millis, 0);
}

/** A process that has ended meanwhile has used nothing. What has ended under the postmaster counts with it. */
async function statOf(pid: number): Promise<{ pid: number; parent: number; millis: number }> {
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
