/** What the operating system knows about a process id: whether the process runs, when it started, and its arguments. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const HAS_PROC = existsSync('/proc/self/stat');

/**
 * When the process started, in the system's own words, or null if there is no such process (a zombie is none). An id
 * alone names nobody: after a restart of a container the same small ids belong to other programs.
 */
export async function startOfProcess(pid: number): Promise<string | null> {
  if (!HAS_PROC) return psField(pid, 'lstart');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The name in brackets may hold blanks and brackets itself, so the fields are counted after its last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? null : (fields[19] ?? null);
}

/** True if the process runs and has `argument` on its command line, which every user can read. */
export async function processHasArgument(pid: number, argument: string): Promise<boolean> {
  if (!HAS_PROC) return ((await psField(pid, 'command')) ?? '').includes(argument);
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(argument);
}

async function psField(pid: number, field: string): Promise<string | null> {
  const { stdout } = await run('ps', ['-o', `${field}=`, '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim() === '' ? null : stdout.trim();
}
